// AP-pool: detections of all categories in one ranking, so that a category whose scores are out of line with the others'
// costs precision. Matching is per category as ever; ties: smaller image first, then smaller category, then file order.
// Dave et al., "Evaluating Large-Vocabulary Object Detectors: The Devil is in the Details", 2021, §5.

import LTCore

extension DetectionMatches {
    /// The matches of categories as if they were one.
    public func pooled(categories: [Int]) -> DetectionMatches { DetectionMatches(pooling: self, categories) }

    private init(pooling matches: DetectionMatches, _ categories: [Int]) {
        rules = matches.rules
        categoryCount = 1
        imageCount = matches.imageCount
        let count = categories.reduce(0) { $0 + matches.range(ofCategory: $1).count }
        starts = [0, count]
        // By image, then category, then score: what an order by score alone keeps where scores are equal.
        var places = [Int](repeating: 0, count: matches.imageCount + 1)
        for category in categories {
            for index in matches.range(ofCategory: category) { places[Int(matches.images[index]) + 1] += 1 }
        }
        for image in 0..<matches.imageCount { places[image + 1] += places[image] }
        var order = [Int32](repeating: 0, count: count)
        for category in categories.sorted() {
            for index in matches.range(ofCategory: category) {
                let image = Int(matches.images[index])
                order[places[image]] = Int32(truncatingIfNeeded: index)
                places[image] += 1
            }
        }
        var sorter = ScoreOrder()
        order.withUnsafeMutableBufferPointer { sorter.sort($0) { matches.scores[Int($0)] } }

        rows = Column(repeating: 0, count: count)
        images = Column(repeating: 0, count: count)
        scores = Column(repeating: 0, count: count)
        ranks = Column(repeating: 0, count: matches.ranks.count > 0 ? count : 0)
        let areas = matches.areaCount
        matched = Column(repeating: 0, count: count * areas)
        ignored = Column(repeating: 0, count: count * areas)
        for (place, index) in order.enumerated() {
            let from = Int(index)
            rows[place] = matches.rows[from]
            images[place] = matches.images[from]
            scores[place] = matches.scores[from]
            if ranks.count > 0 { ranks[place] = matches.ranks[from] }
            for area in 0..<areas {
                matched[area * count + place] = matches.matched[area * matches.count + from]
                ignored[area * count + place] = matches.ignored[area * matches.count + from]
            }
        }
        let pairs = categories.flatMap { Array(matches.pairStarts[$0]..<matches.pairStarts[$0 + 1]) }
        pairStarts = [0, pairs.count]
        pairImages = Column(repeating: 0, count: pairs.count)
        pairCounts = Column(repeating: 0, count: pairs.count * areas)
        for (place, pair) in pairs.enumerated() {
            pairImages[place] = matches.pairImages[pair]
            for area in 0..<areas {
                pairCounts[area * pairs.count + place] = matches.pairCounts[area * matches.pairImages.count + pair]
            }
        }
    }
}

/// Average precision and recall of one ranking of all detections.
public struct PooledPrecision: Sendable, Equatable {
    /// Mean over the IoU thresholds; `nil` without objects to find.
    public var averagePrecision: Double?
    /// One per IoU threshold; empty without objects to find.
    public var atThresholds: [Double] = []
    /// Share of objects found, mean over the IoU thresholds.
    public var averageRecall: Double?

    /// - Parameter categories: all by default.
    public init(_ matches: DetectionMatches, categories: [Int]? = nil) {
        var pen = CurvePen(matches.pooled(categories: categories ?? Array(0..<matches.categoryCount)))
        guard pen.draw(0, area: 0, weights: nil) else { return }
        var values = [Double](repeating: 0, count: matches.thresholdCount)
        values.withUnsafeMutableBufferPointer { pen.averagePrecisions(into: $0.baseAddress!) }
        atThresholds = values
        averagePrecision = values.reduce(0, +) / Double(values.count)
        averageRecall = pen.recalls.reduce(0, +) / Double(values.count)
    }
}
