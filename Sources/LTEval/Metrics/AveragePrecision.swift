// Average precision: AP = Σ_k (R_k − R_{k−1}) · P_k over the distinct scores in descending order, R_0 = 0; no
// interpolation. Reference: scikit-learn 1.9 average_precision_score, in float64.
// Ties: items of equal score enter together, so their order does not matter (all equal: AP = prevalence).
// A class without positives has AP 0 and counts in every mean, as in the reference.

/// The average precision of one ranking.
/// - Returns: 0 when no label is positive.
public func averagePrecision(scores: [Float], labels: [Bool]) -> Double {
    RankedPositives(scores: scores, labels: labels).averagePrecision
}

extension RankedPositives {
    var averagePrecision: Double {
        guard positives > 0 else { return 0 }
        var area = 0.0
        forEachRun { seen, hits, own in
            let step = Double(hits) / Double(positives) - Double(hits - own) / Double(positives)
            area += step * (Double(hits) / Double(seen))
        }
        return area
    }
}

extension Metric<MultilabelRanking> {
    /// Mean over classes.
    public static let mAP = Metric("mAP", "mAP") { mean($0.classes.map(\.averagePrecision)) }

    /// Of all (image, class) pairs in one ranking.
    public static let mAPMicro = Metric("mAP_micro", "mAP, micro") { $0.pooledAveragePrecision }

    /// Mean over classes, weighted by their positives; undefined without any.
    public static let mAPWeighted = Metric("mAP_weighted", "mAP, weighted by positives") { input in
        let total = input.classes.reduce(0) { $0 + $1.positives }
        guard total > 0 else { return nil }
        return input.classes.reduce(0) { $0 + $1.averagePrecision * Double($1.positives) } / Double(total)
    }

    /// Mean over images, each with the ranking of its classes; an image without a label has AP 0.
    public static let mAPSamples = Metric("mAP_samples", "mAP, mean over images") { input in
        input.classes.isEmpty ? nil : input.images.averagePrecision / Double(input.rowCount)
    }
}
