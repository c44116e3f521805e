// The threshold that maximises a class's F1: predict score ≥ t, t over the distinct scores; F1 = 2·TP / (predicted +
// positives). Ties go to the highest t. A class without positives has none.

/// The best threshold of one class and what it reaches on the data it was fitted on.
public struct F1Threshold: Sendable, Equatable {
    public var threshold: Float
    public var f1: Double
    public var truePositives: Int
    public var predicted: Int

    /// - Returns: `nil` when no label is positive.
    public static func fit(scores: [Float], labels: [Bool]) -> F1Threshold? {
        let positives = labels.count { $0 }
        guard positives > 0 else { return nil }
        let ranking = Ranking(descending: scores)
        var best: F1Threshold?
        var hits = 0
        var rank = 0
        for end in ranking.runEnds {
            while rank < end {
                if labels[ranking.positions[rank]] { hits += 1 }
                rank += 1
            }
            let f1 = ratio(2 * hits, end + positives)
            if f1 > best?.f1 ?? -1 {
                best = F1Threshold(
                    threshold: scores[ranking.positions[end - 1]], f1: f1, truePositives: hits, predicted: end)
            }
        }
        return best
    }
}
