// PASCAL VOC's two average precisions (Everingham et al. 2010, 2015), on one curve point per item.
// 11-point (VOC 2007): mean over r = 0, 0.1, …, 1 of the greatest precision at recall ≥ r.
// Interpolated (VOC 2010 on): area under the precision envelope (greatest precision at this recall or more).
// Ties: items of equal score keep their order in the data (stable), unlike `averagePrecision`. No positives: undefined.
// The precision envelope has its corners at positives, so they are all that is looked at.

/// VOC 2007's 11-point average precision.
public func vocAveragePrecision11(scores: [Float], labels: [Bool]) -> Double? {
    RankedPositives(scores: scores, labels: labels).vocAveragePrecision11
}

/// VOC 2010's interpolated average precision.
public func vocAveragePrecision(scores: [Float], labels: [Bool]) -> Double? {
    RankedPositives(scores: scores, labels: labels).vocAveragePrecision
}

extension RankedPositives {
    var vocAveragePrecision11: Double? { envelope(steps: 10).map { $0.reduce(0, +) / 11 } }

    var vocAveragePrecision: Double? {
        guard positives > 0 else { return nil }
        var area = 0.0
        var envelope = 0.0
        for index in ranks.indices.reversed() {
            envelope = max(envelope, Double(index + 1) / Double(ranks[index]))
            area += envelope / Double(positives)
        }
        return area
    }

    /// The greatest precision at recall ≥ k / steps, for k = 0 … steps; `nil` without positives.
    private func envelope(steps: Int) -> [Double]? {
        guard positives > 0 else { return nil }
        var best = [Double](repeating: 0, count: steps + 1)
        var envelope = 0.0
        var step = steps
        for index in ranks.indices.reversed() {
            // recall ≥ step / steps, in whole numbers
            while step > 0, (index + 1) * steps < step * positives {
                best[step] = envelope
                step -= 1
            }
            envelope = max(envelope, Double(index + 1) / Double(ranks[index]))
        }
        while step >= 0 {
            best[step] = envelope
            step -= 1
        }
        return best
    }
}

extension Metric<MultilabelRanking> {
    /// Mean over classes with positives.
    public static let vocAP11 = Metric("mAP_voc07", "mAP, VOC 11-point") {
        mean($0.classes.map(\.vocAveragePrecision11))
    }

    /// Mean over classes with positives.
    public static let vocAPInterpolated = Metric("mAP_voc10", "mAP, VOC interpolated") {
        mean($0.classes.map(\.vocAveragePrecision))
    }
}
