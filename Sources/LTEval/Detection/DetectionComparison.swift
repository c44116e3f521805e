// DetectionComparison: two results on the same ground truth. Both are resampled with the same images, so intervals are of the
// differences themselves: far narrower than two intervals side by side, because hard images are hard for both.

import LTCore

/// What a second model gains over a first.
public struct DetectionComparison: Sendable {
    /// One number of both.
    public struct Difference: Sendable, Equatable {
        public var first: Double?
        public var second: Double?
        /// second − first.
        public var gain: Double?
        /// Of the gain; `nil` without enough resamples that have it.
        public var interval: Report.Interval?
        /// The share of resamples in which the second is better, ties counting one half.
        public var wins: Double?

        /// Whether the interval leaves 0 out. One without width is of objects in a single image and decides nothing.
        public var isClear: Bool {
            interval.map { ($0.lower > 0 || $0.upper < 0) && $0.lower < $0.upper } ?? false
        }
    }

    private let summaries: (first: DetectionSummary, second: DetectionSummary)
    let bootstraps: (first: DetectionBootstrap, second: DetectionBootstrap)
    public let level: Double
    public let rules: DetectionProtocol

    /// - Throws: `invalidArgument` when the matches are not of the same images and categories; as `DetectionBootstrap`.
    public init(
        _ first: DetectionMatches, _ second: DetectionMatches, _ truth: DetectionTruth, resamples: Int,
        seed: UInt64 = 0,
        level: Double = 0.95, threads: Int = Parallel.processorCount
    ) throws(LTError) {
        guard first.imageCount == second.imageCount, first.categoryCount == second.categoryCount,
            first.rules == second.rules
        else { throw LTError(.invalidArgument, "results of different ground truths or rules cannot be compared") }
        rules = first.rules
        summaries = (
            try DetectionSummary(first, truth, threads: threads), try DetectionSummary(second, truth, threads: threads)
        )
        bootstraps = (
            try DetectionBootstrap(first, resamples: resamples, seed: seed, threads: threads),
            try DetectionBootstrap(second, resamples: resamples, seed: seed, threads: threads)
        )
        self.level = level
    }

    /// AP of categories, all by default.
    public func averagePrecision(categories: [Int]? = nil) -> Difference {
        let (first, second) = (
            summaries.first.averagePrecision(categories: categories),
            summaries.second.averagePrecision(categories: categories)
        )
        let gains = zip(
            bootstraps.first.averagePrecisions(categories: categories),
            bootstraps.second.averagePrecisions(categories: categories)
        ).map { first, second -> Double? in
            guard let first, let second else { return nil }
            return second - first
        }
        var difference = Difference(first: first, second: second)
        guard let first, let second else { return difference }
        difference.gain = second - first
        difference.interval = DetectionBootstrap.interval(gains, around: second - first, level: level)
        let known = gains.compactMap { $0 }
        if !known.isEmpty {
            let won = known.reduce(0.0) { $0 + ($1 > 0 ? 1 : $1 == 0 ? 0.5 : 0) }
            difference.wins = won / Double(known.count)
        }
        return difference
    }
}
