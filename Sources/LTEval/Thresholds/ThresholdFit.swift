// ThresholdFit: the best threshold of a class by an objective. Predict score ≥ t, t over the distinct scores; only those of
// positives can be best, for below the lowest of equal recall every other has more false positives. A class without positives
// has none. Interval: 95 %, from 200 draws in which each image counts Poisson(1) times (seeded by the class's position).

import LTCore
import LTDecision

/// The best threshold of one class and what it reaches on the data it was fitted on.
public struct ThresholdFit: Sendable, Equatable {
    public var threshold: Float
    public var truePositives: Int
    public var predicted: Int
    public var positives: Int
    /// Whether the objective's demand is met.
    public var isMet: Bool

    public var f1: Double { ratio(2 * truePositives, predicted + positives) }
    public var precision: Double { ratio(truePositives, predicted) }
    public var recall: Double { ratio(truePositives, positives) }

    /// - Returns: `nil` when there is no positive, or none with a score.
    public static func fit(_ events: BinaryEvents, _ objective: ThresholdObjective) -> ThresholdFit? {
        ThresholdSteps(events).best(objective)
    }
}

/// The thresholds that can be best, descending: scores that a positive has.
struct ThresholdSteps {
    struct Step {
        var threshold: Float
        /// Positives with this score.
        var hits: Int
        /// Others with this score or between it and the step before.
        var others: Int
    }

    var steps: [Step] = []
    var missed: Int
    /// Above every score.
    private var above: Float = 1

    init(_ events: BinaryEvents) {
        missed = events.missed
        let ranking = Ranking(descending: events.scores)
        guard let first = ranking.positions.first else { return }
        above = events.scores[first].nextUp
        var rank = 0
        var others = 0
        for end in ranking.runEnds {
            var hits = 0
            for position in ranking.positions[rank..<end] where events.hits[position] { hits += 1 }
            others += end - rank - hits
            if hits > 0 {
                steps.append(Step(threshold: events.scores[ranking.positions[rank]], hits: hits, others: others))
                others = 0
            }
            rank = end
        }
    }

    /// The best threshold; `nil` when nothing was right.
    func best(_ objective: ThresholdObjective) -> ThresholdFit? {
        let positives = steps.reduce(missed) { $0 + $1.hits }
        guard positives > missed else { return nil }
        var best: (fit: ThresholdFit, value: Double)?
        func consider(_ threshold: Float, _ hits: Int, _ predicted: Int) {
            let (isMet, value) = objective.judge(hits, predicted, positives)
            if let best, best.fit.isMet != isMet ? best.fit.isMet : best.value >= value { return }
            best = (
                ThresholdFit(
                    threshold: threshold, truePositives: hits, predicted: predicted, positives: positives, isMet: isMet),
                value
            )
        }
        if objective.allowsNothing { consider(above, 0, 0) }
        var (hits, predicted) = (0, 0)
        for step in steps where step.hits + step.others > 0 {
            hits += step.hits
            predicted += step.hits + step.others
            consider(step.threshold, hits, predicted)
        }
        return best?.fit
    }

    /// The 2.5 % and 97.5 % quantiles of the best threshold over drawn data; draws without a positive do not count.
    /// - Returns: `nil` when none has one.
    func interval(_ objective: ThresholdObjective, seed: UInt64, draws: Int = 200) -> ClosedRange<Float>? {
        var values: [Float] = []
        var drawn = self
        for draw in 0..<draws {
            var random = SeededGenerator(seed: seed, index: UInt64(draw))
            for index in steps.indices {
                drawn.steps[index].hits = random.poisson(steps[index].hits)
                drawn.steps[index].others = random.poisson(steps[index].others)
            }
            drawn.missed = random.poisson(missed)
            if let best = drawn.best(objective) { values.append(best.threshold) }
        }
        guard !values.isEmpty else { return nil }
        values.sort()
        let low = (values.count - 1) * 25 / 1000
        return values[low]...values[values.count - 1 - low]
    }
}

extension SeededGenerator {
    /// A Poisson number of this mean: by waiting times, above 30 the rounded normal.
    mutating func poisson(_ mean: Int) -> Int {
        if mean > 30 { return max(0, Int((Double(mean) + Double(mean).squareRoot() * normal()).rounded())) }
        var count = -1
        var product = 1.0
        let limit = Self.exponential[max(mean, 0)]
        repeat {
            count += 1
            product *= uniform()
        } while product > limit
        return count
    }

    /// e⁻ⁿ for n = 0 … 30.
    private static let exponential: [Double] = (0...30).map { n in
        (0..<n).reduce(1.0) { value, _ in value * 0.36787944117144233 }
    }
}
