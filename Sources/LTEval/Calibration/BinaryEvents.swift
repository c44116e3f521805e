// BinaryEvents: scores of one class beside what was right, all that calibration and thresholds are fitted on: the pairs of a
// class in a multi-label problem, one class against the rest in a multi-class one, the detections of a category.

import LTCore

/// Scores of one class and whether each was right.
public struct BinaryEvents: Sendable {
    /// Log-odds for calibration, calibrated scores for thresholds; finite.
    public var scores: [Float]
    public var hits: [Bool]
    /// Positives without a score, which no threshold finds (objects that no detection meets).
    public var missed: Int

    public init(scores: [Float], hits: [Bool], missed: Int = 0) {
        precondition(scores.count == hits.count && missed >= 0)
        self.scores = scores
        self.hits = hits
        self.missed = missed
    }

    public var count: Int { scores.count }
    /// Scores that were right.
    public var hitCount: Int { hits.count { $0 } }

    /// The events of several classes as one.
    public init(pooling parts: some Collection<BinaryEvents>) {
        var (scores, hits) = ([Float](), [Bool]())
        let total = parts.reduce(0) { $0 + $1.count }
        scores.reserveCapacity(total)
        hits.reserveCapacity(total)
        for part in parts {
            scores += part.scores
            hits += part.hits
        }
        self.init(scores: scores, hits: hits, missed: parts.reduce(0) { $0 + $1.missed })
    }

    /// The same outcomes with other scores.
    func mapping(_ change: (Float) -> Float) -> BinaryEvents {
        BinaryEvents(scores: scores.map(change), hits: hits, missed: missed)
    }
}

extension MultilabelPredictions {
    /// The pairs of each class.
    public var events: [BinaryEvents] {
        (0..<classCount).map { BinaryEvents(scores: scores(ofClass: $0), hits: labels(ofClass: $0)) }
    }
}
