// Precision, recall and F1 of decisions: P = TP/predicted, R = TP/positives, F1 = 2·TP/(predicted + positives); 0/0 is 0.
// Reference: scikit-learn 1.9 precision_recall_fscore_support. Micro (OP, OR, OF1) pools all pairs, macro is the mean
// over classes, weighted that mean by positives, samples the mean over images. CF1 has two conventions in multi-label
// papers: the mean of the classes' F1 (our F1_macro) and the harmonic mean of CP and CR (our CF1_harmonic).

/// Counts of one class, of one image or of all pairs together.
public struct DecisionCounts: Sendable, Equatable {
    public var truePositives = 0
    public var predicted = 0
    public var positives = 0

    public init() {}

    public var precision: Double { ratio(truePositives, predicted) }
    public var recall: Double { ratio(truePositives, positives) }
    public var f1: Double { ratio(2 * truePositives, predicted + positives) }
    /// Pairs decided wrongly.
    var wrong: Int { predicted + positives - 2 * truePositives }

    static func += (sum: inout DecisionCounts, other: DecisionCounts) {
        sum.truePositives += other.truePositives
        sum.predicted += other.predicted
        sum.positives += other.positives
    }
}

extension MultilabelDecisions {
    /// The counts of all pairs; `nil` when there is none.
    var overallCounts: DecisionCounts? {
        classCounts.isEmpty ? nil : classCounts.reduce(into: DecisionCounts()) { $0 += $1 }
    }

    func meanOverImages(_ sum: Double) -> Double? { classCounts.isEmpty ? nil : sum / Double(rowCount) }
}

extension Metric<MultilabelDecisions> {
    public static let microF1 = Metric("F1_micro", "F1, micro (OF1)") { $0.overallCounts?.f1 }
    public static let macroF1 = Metric("F1_macro", "F1, macro (mean of class F1)") { mean($0.classCounts.map(\.f1)) }
    /// Undefined without positives.
    public static let weightedF1 = Metric("F1_weighted", "F1, weighted by positives") { input in
        guard let positives = input.overallCounts?.positives, positives > 0 else { return nil }
        return input.classCounts.reduce(0) { $0 + $1.f1 * Double($1.positives) } / Double(positives)
    }
    public static let samplesF1 = Metric("F1_samples", "F1, mean over images") { $0.meanOverImages($0.images.f1) }
    public static let samplesPrecision = Metric("precision_samples", "precision, mean over images") {
        $0.meanOverImages($0.images.precision)
    }
    public static let samplesRecall = Metric("recall_samples", "recall, mean over images") {
        $0.meanOverImages($0.images.recall)
    }
    public static let classPrecision = Metric("CP", "precision, class mean (CP)") {
        mean($0.classCounts.map(\.precision))
    }
    public static let classRecall = Metric("CR", "recall, class mean (CR)") { mean($0.classCounts.map(\.recall)) }
    /// 2·CP·CR / (CP + CR).
    public static let classF1Harmonic = Metric("CF1_harmonic", "CF1, harmonic of CP and CR") { input in
        let counts = input.classCounts
        guard let precision = mean(counts.map(\.precision)), let recall = mean(counts.map(\.recall)) else { return nil }
        return precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall)
    }
    public static let overallPrecision = Metric("OP", "precision, overall (OP)") { $0.overallCounts?.precision }
    public static let overallRecall = Metric("OR", "recall, overall (OR)") { $0.overallCounts?.recall }
}
