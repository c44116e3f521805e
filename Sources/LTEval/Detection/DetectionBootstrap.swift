// DetectionBootstrap: confidence intervals of average precision by drawing images with replacement, as many as there are
// (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, §13.3: percentile intervals). Resampled AP is too high as a
// whole (an image drawn twice brings no new false positives; measured: above AP itself in all of 200 resamples of 2,000
// images), so intervals are moved by the mean difference and lie around AP. Matching happens inside an image, so a resample only changes how often each image counts: matches are kept, sorted once, and every resample runs
// through them in linear time. Resample k of seed s draws the same images for any results: differences can be paired.

import LTCore

/// Average precision of every category in every resample.
public struct DetectionBootstrap: Sendable {
    public let resamples: Int
    public let seed: UInt64
    public let categoryCount: Int
    /// [category][resample]: AP, mean over the IoU thresholds, all sizes; NaN where no object was drawn.
    private let averages: Column<Double>
    /// [category]: AP of the images as they are.
    private let values: Column<Double>

    /// The most resamples.
    public static let maximumResamples = 100_000

    /// Draws and accumulates.
    /// - Throws: `invalidArgument` for fewer than 2 resamples or too many.
    public init(
        _ matches: DetectionMatches, resamples: Int, seed: UInt64 = 0, threads: Int = Parallel.processorCount
    ) throws(LTError) {
        let categories = matches.categoryCount
        guard (2...Self.maximumResamples).contains(resamples), categories * resamples <= 1 << 28 else {
            throw LTError(
                .invalidArgument,
                "\(resamples) resamples of \(categories) categories, expected 2 … \(Self.maximumResamples), "
                    + "\(1 << 28) values in all")
        }
        (self.resamples, self.seed, categoryCount) = (resamples, seed, categories)
        let averages = Column<Double>(repeating: .nan, count: categories * resamples)
        self.averages = averages
        let values = Column<Double>(repeating: .nan, count: categories)
        self.values = values
        // The largest categories first, so that no thread is left with one of them at the end.
        let order = (0..<categories).sorted {
            (-matches.range(ofCategory: $0).count, $0) < (-matches.range(ofCategory: $1).count, $1)
        }
        let workers = max(1, min(threads, categories))
        let pens = Column<CurvePen?>(repeating: nil, count: workers)
        for worker in 0..<workers { pens[worker] = CurvePen(matches) }
        let thresholds = matches.thresholdCount
        // 64 MiB of weights at a time; a category's matches stay in the cache over all of them.
        let batch = max(1, min(resamples, (1 << 24) / max(1, matches.imageCount)))
        for first in stride(from: 0, to: resamples, by: batch) {
            let members = first..<min(first + batch, resamples)
            let weights = Column<[Int32]>(repeating: [], count: members.count)
            try Parallel.forEach(members.count, threads: threads) { (index, _) throws(LTError) in
                weights[index] = Self.weights(resample: first + index, seed: seed, images: matches.imageCount)
            }
            try Parallel.forEach(categories, threads: workers) { (index, worker) throws(LTError) in
                let category = order[index]
                withUnsafeTemporaryAllocation(of: Double.self, capacity: thresholds) { perThreshold in
                    func average(_ weights: [Int32]?) -> Double {
                        guard pens[worker]?.draw(category, area: 0, weights: weights) == true else { return .nan }
                        pens[worker]?.averagePrecisions(into: perThreshold.baseAddress!)
                        var sum = 0.0
                        for value in perThreshold { sum += value }
                        return sum / Double(thresholds)
                    }
                    if first == 0 { values[category] = average(nil) }
                    for (member, resample) in members.enumerated() {
                        averages[category * resamples + resample] = average(weights[member])
                    }
                }
            }
        }
    }

    /// How often a resample draws each image.
    public static func weights(resample: Int, seed: UInt64, images: Int) -> [Int32] {
        var weights = [Int32](repeating: 0, count: images)
        var generator = SeededGenerator(seed: seed, index: UInt64(resample))
        weights.withUnsafeMutableBufferPointer { weights in
            for _ in weights.indices { weights[generator.below(images)] += 1 }
        }
        return weights
    }

    /// AP of categories in each resample: the mean over those with objects in it; `nil` where there are none.
    /// - Parameter categories: all by default.
    public func averagePrecisions(categories: [Int]? = nil) -> [Double?] {
        var sums = [Double](repeating: 0, count: resamples)
        var counts = [Int](repeating: 0, count: resamples)
        func add(_ category: Int) {
            for resample in 0..<resamples {
                let value = averages[category * resamples + resample]
                guard !value.isNaN else { continue }
                sums[resample] += value
                counts[resample] += 1
            }
        }
        if let categories { categories.forEach(add) } else { (0..<categoryCount).forEach(add) }
        return zip(sums, counts).map { $1 == 0 ? nil : $0 / Double($1) }
    }

    /// AP of categories with every image once; `nil` without objects.
    private func averagePrecision(_ categories: [Int]?) -> Double? {
        let known = (categories ?? Array(0..<categoryCount)).map { values[$0] }.filter { !$0.isNaN }
        return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }

    /// The interval of AP; `nil` where fewer than half of the resamples have a value.
    /// - Parameter level: what it covers.
    public func interval(categories: [Int]? = nil, level: Double = 0.95) -> Report.Interval? {
        averagePrecision(categories).flatMap {
            Self.interval(averagePrecisions(categories: categories), around: $0, level: level)
        }
    }

    /// The percentile interval of resampled values, moved so that their mean is the value; `nil`s are left out.
    static func interval(_ resampled: [Double?], around value: Double, level: Double) -> Report.Interval? {
        let sorted = resampled.compactMap { $0 }.sorted()
        guard !sorted.isEmpty, 2 * sorted.count >= resampled.count else { return nil }
        let shift = value - sorted.reduce(0, +) / Double(sorted.count)
        return Report.Interval(
            quantile(sorted, (1 - level) / 2) + shift, quantile(sorted, (1 + level) / 2) + shift)
    }

    /// Between the neighbours (n − 1)·share falls on, linearly (type 7, numpy's default).
    private static func quantile(_ sorted: [Double], _ share: Double) -> Double {
        let place = min(max(share, 0), 1) * Double(sorted.count - 1)
        let lower = Int(place)
        let upper = min(lower + 1, sorted.count - 1)
        return sorted[lower] + (sorted[upper] - sorted[lower]) * (place - Double(lower))
    }
}
