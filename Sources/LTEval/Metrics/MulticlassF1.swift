// Precision, recall and F1 of a multi-class problem, means over classes, and two correlations of labels with predictions.
// References: scikit-learn 1.9 precision_recall_fscore_support (macro: over the classes that occur in labels or
// predictions, 0/0 is 0; weighted by images), matthews_corrcoef, cohen_kappa_score. EGTEA (CDB-loss) takes its macro
// precision over all classes, those never predicted with 0.

extension MulticlassSummary {
    /// The mean over the classes that occur in labels or predictions.
    fileprivate func macro(_ value: (DecisionCounts) -> Double) -> Double? {
        mean(classCounts.map { $0.positives + $0.predicted == 0 ? nil : value($0) })
    }

    /// (right·n − Σ predicted·positives) and the same for predictions and for labels with themselves.
    fileprivate var covariances: (both: Double, predicted: Double, actual: Double) {
        let count = Double(rowCount)
        var (both, predicted, actual) = (0.0, count * count, count * count)
        for own in classCounts {
            let (p, t) = (Double(own.predicted), Double(own.positives))
            both += Double(own.truePositives) * count - p * t
            predicted -= p * p
            actual -= t * t
        }
        return (both, predicted, actual)
    }
}

extension Metric<MulticlassSummary> {
    public static let multiclassMacroF1 = Metric("F1_macro", "F1, macro") { $0.macro(\.f1) }
    public static let multiclassMacroPrecision = Metric("precision_macro", "precision, macro") { $0.macro(\.precision) }
    public static let multiclassMacroRecall = Metric("recall_macro", "recall, macro") { $0.macro(\.recall) }
    public static let multiclassWeightedF1 = Metric("F1_weighted", "F1, weighted by images") { input in
        input.rowCount == 0
            ? nil
            : input.classCounts.reduce(0) { $0 + $1.f1 * Double($1.positives) } / Double(input.rowCount)
    }
    public static let precisionOverAllClasses = Metric("precision_all_classes", "precision, over all classes (EGTEA)") {
        mean($0.classCounts.map(\.precision))
    }

    /// Matthews' correlation; 0 where labels or predictions are all alike, as in scikit-learn.
    public static let matthews = Metric("MCC", "Matthews correlation", isShare: false) { input in
        guard input.rowCount > 0 else { return nil }
        let (both, predicted, actual) = input.covariances
        return predicted * actual == 0 ? 0 : both / (predicted * actual).squareRoot()
    }

    /// Cohen's kappa; undefined where all labels and predictions are one class.
    public static let cohenKappa = Metric("kappa", "Cohen's kappa", isShare: false) { input in
        guard input.rowCount > 0 else { return nil }
        let count = Double(input.rowCount)
        let right = Double(input.classCounts.reduce(0) { $0 + $1.truePositives }) / count
        let chance = input.classCounts.reduce(0) { $0 + Double($1.predicted) * Double($1.positives) } / count / count
        return chance == 1 ? nil : (right - chance) / (1 - chance)
    }
}
