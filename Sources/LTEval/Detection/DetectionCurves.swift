// DetectionCurves: precision over recall from matches. Per category, range of area and IoU threshold: tp and fp summed over
// detections by score; recall = tp / objects; precision = tp / ((fp + tp) + 2⁻⁵²); at each recall threshold the greatest
// precision from the first detection on that reaches it, 0 where none does. Bit for bit lvis-api's (and cocoapi's) numbers.

import LTCore

/// Precision and recall of every category; undefined where a category has no objects to find.
public struct DetectionCurves: Sendable {
    public let rules: DetectionProtocol
    public let categoryCount: Int
    /// [category][area][threshold][recall threshold], NaN where undefined.
    let precisions: Column<Double>
    /// [category][area][threshold][cap], NaN where undefined.
    let recalls: Column<Double>

    private var thresholdCount: Int { rules.iouThresholds.count }
    private var recallCount: Int { rules.recallThresholds.count }

    /// Precision at the recall thresholds; `nil` where the category has no objects to find.
    public func precision(category: Int, area: Int = 0, threshold: Int) -> [Double]? {
        let start = ((category * rules.areas.count + area) * thresholdCount + threshold) * recallCount
        let values = precisions[start..<start + recallCount]
        return values[0].isNaN ? nil : Array(values)
    }

    /// The share of objects found; `nil` where the category has no objects to find.
    /// - Parameter cap: position among the rules' numbers of detections; the last by default.
    public func recall(category: Int, area: Int = 0, threshold: Int, cap: Int? = nil) -> Double? {
        let caps = rules.recallCaps.count
        let value = recalls[
            ((category * rules.areas.count + area) * thresholdCount + threshold) * caps + (cap ?? caps - 1)]
        return value.isNaN ? nil : value
    }

    /// Draws all curves.
    /// - Parameter weights: how often each image counts; once by default.
    public init(
        _ matches: DetectionMatches, weights: [Int32]? = nil, threads: Int = Parallel.processorCount
    ) throws(LTError) {
        rules = matches.rules
        categoryCount = matches.categoryCount
        let caps = rules.recallCaps
        let (areaCount, thresholdCount) = (rules.areas.count, rules.iouThresholds.count)
        let recallCount = rules.recallThresholds.count
        let precisions = Column<Double>(
            repeating: .nan, count: categoryCount * areaCount * thresholdCount * recallCount)
        let recalls = Column<Double>(
            repeating: .nan, count: categoryCount * areaCount * thresholdCount * caps.count)
        (self.precisions, self.recalls) = (precisions, recalls)
        let workers = max(1, min(threads, categoryCount))
        let pens = Column<CurvePen?>(repeating: nil, count: workers)
        for worker in 0..<workers { pens[worker] = CurvePen(matches) }
        try Parallel.forEach(categoryCount, threads: workers) { (category, worker) throws(LTError) in
            for area in 0..<areaCount {
                let curve = (category * areaCount + area) * thresholdCount
                for (index, cap) in caps.enumerated() {
                    let isLast = index == caps.count - 1
                    guard pens[worker]?.draw(category, area: area, weights: weights, cap: cap) == true else { continue }
                    for threshold in 0..<thresholdCount {
                        recalls[(curve + threshold) * caps.count + index] = pens[worker]?.recalls[threshold] ?? .nan
                    }
                    guard isLast else { continue }
                    pens[worker]?.precisions(into: precisions.base + curve * recallCount)
                }
            }
        }
    }
}

/// Draws the curves of one category and range of area; reuses its memory, one thread at a time.
struct CurvePen {
    private let matches: DetectionMatches
    private let recallThresholds: [Double]
    /// The share of objects found at each IoU threshold, of the curve drawn last.
    private(set) var recalls: [Double]
    private var positives = 0
    /// tp and fp after each detection that found an object, one part per threshold.
    private var hits: [Int32] = []
    private var misses: [Int32] = []
    private var capacity = 0
    private var hitCounts: [Int]
    private var found: [Int32]
    private var missed: [Int32]
    private var envelope: [Double] = []

    init(_ matches: DetectionMatches) {
        self.matches = matches
        recallThresholds = matches.rules.recallThresholds
        recalls = [Double](repeating: .nan, count: matches.thresholdCount)
        hitCounts = [Int](repeating: 0, count: matches.thresholdCount)
        found = [Int32](repeating: 0, count: matches.thresholdCount)
        missed = found
    }

    /// Runs through a category's detections; false when it has no objects to find.
    /// - Parameters:
    ///   - weights: how often each image counts.
    ///   - cap: detections per image and category.
    mutating func draw(_ category: Int, area: Int, weights: [Int32]?, cap: Int = .max) -> Bool {
        let pairs = matches.pairStarts[category]..<matches.pairStarts[category + 1]
        let pairBase = area * matches.pairImages.count
        positives = 0
        var objects = 0
        for pair in pairs {
            let count = Int(matches.pairCounts.base[pairBase + pair])
            objects += count
            positives += count * (weights.map { Int($0[Int(matches.pairImages.base[pair])]) } ?? 1)
        }
        guard positives > 0 else { return false }
        let thresholds = matches.thresholdCount
        // Each object is found once at most.
        if capacity < objects {
            capacity = max(objects, 2 * capacity)
            hits = [Int32](repeating: 0, count: capacity * thresholds)
            misses = hits
            envelope = [Double](repeating: 0, count: capacity + 1)
        }
        for threshold in 0..<thresholds {
            hitCounts[threshold] = 0
            found[threshold] = 0
            missed[threshold] = 0
        }
        if let weights {
            weights.withUnsafeBufferPointer { run(category, area, cap, $0) }
        } else {
            run(category, area, cap, nil)
        }
        for threshold in 0..<thresholds { recalls[threshold] = Double(found[threshold]) / Double(positives) }
        return true
    }

    private mutating func run(_ category: Int, _ area: Int, _ cap: Int, _ weights: UnsafeBufferPointer<Int32>?) {
        let all = matches.allThresholds
        let range = matches.starts[category]..<matches.starts[category + 1]
        let matched = matches.matched.base + area * matches.count
        let ignored = matches.ignored.base + area * matches.count
        let images = matches.images.base
        let isCapped = matches.ranks.count > 0
        let capacity = capacity
        // Misses at all thresholds together, apart from those at some.
        var missedEverywhere: Int32 = 0
        hits.withUnsafeMutableBufferPointer { hits in
            misses.withUnsafeMutableBufferPointer { misses in
                for index in range {
                    let counted = ~ignored[index] & all
                    guard counted != 0 else { continue }
                    if isCapped, Int(matches.ranks.base[index]) >= cap { continue }
                    let weight = weights.map { $0[Int(images[index])] } ?? 1
                    guard weight != 0 else { continue }
                    var hit = matched[index] & counted
                    if hit == 0, counted == all {
                        missedEverywhere &+= weight
                        continue
                    }
                    var miss = counted & ~matched[index]
                    while miss != 0 {
                        missed[miss.trailingZeroBitCount] &+= weight
                        miss &= miss - 1
                    }
                    while hit != 0 {
                        let threshold = hit.trailingZeroBitCount
                        hit &= hit - 1
                        found[threshold] &+= weight
                        let place = threshold * capacity + hitCounts[threshold]
                        hits[place] = found[threshold]
                        misses[place] = missed[threshold] &+ missedEverywhere
                        hitCounts[threshold] += 1
                    }
                }
            }
        }
    }

    /// Writes precision at the recall thresholds, [IoU threshold][recall threshold], of the curve drawn last.
    mutating func precisions(into output: UnsafeMutablePointer<Double>) {
        let positives = Double(positives)
        for threshold in hitCounts.indices {
            let count = hitCounts[threshold]
            let first = threshold * capacity
            hits.withUnsafeBufferPointer { hits in
                misses.withUnsafeBufferPointer { misses in
                    envelope.withUnsafeMutableBufferPointer { envelope in
                        var greatest = 0.0
                        for index in stride(from: count - 1, through: 0, by: -1) {
                            let tp = Double(hits[first + index])
                            let fp = Double(misses[first + index])
                            greatest = max(greatest, tp / ((fp + tp) + Double.ulpOfOne))
                            envelope[index] = greatest
                        }
                        var index = 0
                        for (place, wanted) in recallThresholds.enumerated() {
                            while index < count, Double(hits[first + index]) / positives < wanted { index += 1 }
                            output[threshold * recallThresholds.count + place] = index < count ? envelope[index] : 0
                        }
                    }
                }
            }
        }
    }

    /// The mean precision over the recall thresholds at each IoU threshold, of the curve drawn last.
    mutating func averagePrecisions(into output: UnsafeMutablePointer<Double>) {
        let width = recallThresholds.count
        withUnsafeTemporaryAllocation(of: Double.self, capacity: width * hitCounts.count) { curve in
            precisions(into: curve.baseAddress!)
            for threshold in hitCounts.indices {
                var sum = 0.0
                for place in 0..<width { sum += curve[threshold * width + place] }
                output[threshold] = sum / Double(width)
            }
        }
    }
}
