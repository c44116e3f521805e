// Average precision: AP = Σ_k (R_k − R_{k−1}) · P_k over the distinct scores in descending order, R_0 = 0; no
// interpolation. Reference: scikit-learn 1.9 average_precision_score, in float64.
// Ties: items of equal score enter together, so their order does not matter (all equal: AP = prevalence).
// A class without positives has AP 0 and counts in every mean, as in the reference.

/// The average precision of one ranking.
/// - Returns: 0 when no label is positive.
public func averagePrecision(scores: [Float], labels: [Bool]) -> Double {
    let positives = labels.count { $0 }
    guard positives > 0 else { return 0 }
    let ranking = Ranking(descending: scores)
    var area = 0.0
    var hits = 0
    var rank = 0
    for end in ranking.runEnds {
        let before = hits
        while rank < end {
            if labels[ranking.positions[rank]] { hits += 1 }
            rank += 1
        }
        if hits > before {
            let step = Double(hits) / Double(positives) - Double(before) / Double(positives)
            area += step * (Double(hits) / Double(end))
        }
    }
    return area
}

extension MultilabelPredictions {
    /// The average precision of each class.
    public var classAveragePrecision: [Double] {
        (0..<classCount).map { averagePrecision(scores: scores(ofClass: $0), labels: labels(ofClass: $0)) }
    }
}

extension Metric<MultilabelPredictions> {
    /// Mean over classes.
    public static let mAP = Metric("mAP", "mAP") { mean($0.classAveragePrecision) }

    /// Of all (image, class) pairs in one ranking.
    public static let mAPMicro = Metric("mAP_micro", "mAP, micro") { input in
        input.scores.isEmpty ? nil : averagePrecision(scores: input.scores, labels: input.labels)
    }

    /// Mean over classes, weighted by their positives; undefined without any.
    public static let mAPWeighted = Metric("mAP_weighted", "mAP, weighted by positives") { input in
        let positives = input.positives
        let total = positives.reduce(0, +)
        guard total > 0 else { return nil }
        var sum = 0.0
        for (average, count) in zip(input.classAveragePrecision, positives) { sum += average * Double(count) }
        return sum / Double(total)
    }

    /// Mean over images, each with the ranking of its classes; an image without a label has AP 0.
    public static let mAPSamples = Metric("mAP_samples", "mAP, mean over images") { input in
        let width = input.classCount
        guard width > 0 else { return nil }
        return mean(
            stride(from: 0, to: input.scores.count, by: width).map {
                averagePrecision(
                    scores: Array(input.scores[$0..<$0 + width]), labels: Array(input.labels[$0..<$0 + width]))
            })
    }
}
