// Macro F1 of a multi-class problem: the mean of the classes' F1 over the classes that occur in labels or predictions.
// Reference: scikit-learn 1.9 f1_score(average="macro").

extension MulticlassPredictions {
    /// The counts of each class.
    public var classCounts: [DecisionCounts] {
        var counts = [DecisionCounts](repeating: DecisionCounts(), count: classCount)
        for (label, prediction) in zip(labels, predictions) {
            counts[label].positives += 1
            counts[prediction].predicted += 1
            if label == prediction { counts[label].truePositives += 1 }
        }
        return counts
    }
}

extension Metric<MulticlassPredictions> {
    public static let multiclassMacroF1 = Metric("F1_macro", "F1, macro") { input in
        mean(input.classCounts.map { $0.positives + $0.predicted == 0 ? nil : $0.f1 })
    }
}
