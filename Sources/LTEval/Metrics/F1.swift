// Precision, recall and F1 of decisions: P = TP/predicted, R = TP/positives, F1 = 2·TP/(predicted + positives); 0/0 is 0.
// Reference: scikit-learn 1.9 precision_recall_fscore_support. Micro (OP, OR, OF1) pools all pairs, macro is the mean
// over classes, samples the mean over images. CF1 has two conventions in multi-label papers: the mean of the classes'
// F1 (our F1_macro) and the harmonic mean of CP and CR (our CF1_harmonic).

/// Counts of one class, of one image or of all pairs together.
public struct DecisionCounts: Sendable, Equatable {
    public var truePositives = 0
    public var predicted = 0
    public var positives = 0

    public init() {}

    public var precision: Double { ratio(truePositives, predicted) }
    public var recall: Double { ratio(truePositives, positives) }
    public var f1: Double { ratio(2 * truePositives, predicted + positives) }

    mutating func add(decided: Bool, label: Bool) {
        if decided && label { truePositives += 1 }
        if decided { predicted += 1 }
        if label { positives += 1 }
    }
}

extension MultilabelDecisions {
    /// The counts of each class.
    public var classCounts: [DecisionCounts] {
        var counts = [DecisionCounts](repeating: DecisionCounts(), count: classCount)
        for cell in decisions.indices { counts[cell % classCount].add(decided: decisions[cell], label: labels[cell]) }
        return counts
    }

    /// The counts of each image.
    var imageCounts: [DecisionCounts] {
        var counts = [DecisionCounts](repeating: DecisionCounts(), count: rowCount)
        for cell in decisions.indices { counts[cell / classCount].add(decided: decisions[cell], label: labels[cell]) }
        return counts
    }

    /// The counts of all pairs; `nil` when there is none.
    var overallCounts: DecisionCounts? {
        guard !decisions.isEmpty else { return nil }
        var counts = DecisionCounts()
        for cell in decisions.indices { counts.add(decided: decisions[cell], label: labels[cell]) }
        return counts
    }
}

extension Metric<MultilabelDecisions> {
    public static let microF1 = Metric("F1_micro", "F1, micro (OF1)") { $0.overallCounts?.f1 }
    public static let macroF1 = Metric("F1_macro", "F1, macro (mean of class F1)") { mean($0.classCounts.map(\.f1)) }
    public static let samplesF1 = Metric("F1_samples", "F1, mean over images") { input in
        input.classCount == 0 ? nil : mean(input.imageCounts.map(\.f1))
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
