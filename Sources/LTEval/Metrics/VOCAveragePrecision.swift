// PASCAL VOC's two average precisions (Everingham et al. 2010, 2015), on one curve point per item.
// 11-point (VOC 2007): mean over r = 0, 0.1, …, 1 of the greatest precision at recall ≥ r.
// Interpolated (VOC 2010 on): area under the precision envelope (greatest precision at this recall or more).
// Ties: items of equal score keep their order in the data (stable), unlike `averagePrecision`. No positives: undefined.

/// Precision and recall after each item of the ranking, as counts of hits.
private func hitCurve(scores: [Float], labels: [Bool]) -> [Int] {
    var hits = 0
    return Ranking(descending: scores).positions.map { position in
        if labels[position] { hits += 1 }
        return hits
    }
}

/// VOC 2007's 11-point average precision.
public func vocAveragePrecision11(scores: [Float], labels: [Bool]) -> Double? {
    let positives = labels.count { $0 }
    guard positives > 0 else { return nil }
    var best = [Double](repeating: 0, count: 11)
    for (index, hits) in hitCurve(scores: scores, labels: labels).enumerated() {
        let precision = Double(hits) / Double(index + 1)
        // recall ≥ point / 10, in whole numbers
        for point in 0...10 where hits * 10 >= point * positives { best[point] = max(best[point], precision) }
    }
    return best.reduce(0, +) / 11
}

/// VOC 2010's interpolated average precision.
public func vocAveragePrecision(scores: [Float], labels: [Bool]) -> Double? {
    let positives = labels.count { $0 }
    guard positives > 0 else { return nil }
    let curve = hitCurve(scores: scores, labels: labels)
    var area = 0.0
    var envelope = 0.0
    for index in curve.indices.reversed() {
        envelope = max(envelope, Double(curve[index]) / Double(index + 1))
        let before = index == 0 ? 0 : curve[index - 1]
        if curve[index] > before { area += envelope / Double(positives) }
    }
    return area
}

extension Metric<MultilabelPredictions> {
    /// Mean over classes with positives.
    public static let vocAP11 = Metric("mAP_voc07", "mAP, VOC 11-point") { input in
        mean(
            (0..<input.classCount).map {
                vocAveragePrecision11(scores: input.scores(ofClass: $0), labels: input.labels(ofClass: $0))
            })
    }

    /// Mean over classes with positives.
    public static let vocAPInterpolated = Metric("mAP_voc10", "mAP, VOC interpolated") { input in
        mean(
            (0..<input.classCount).map {
                vocAveragePrecision(scores: input.scores(ofClass: $0), labels: input.labels(ofClass: $0))
            })
    }
}
