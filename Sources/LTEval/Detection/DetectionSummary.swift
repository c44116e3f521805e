// DetectionSummary: the numbers that papers quote: means of precision (AP) and recall (AR) over categories and IoU thresholds.
// A category without objects to find has no value and does not count; a mean over no category is undefined.

import LTCore

/// Means per category, from which every summary follows.
public struct DetectionSummary: Sendable {
    public let rules: DetectionProtocol
    /// [category][area][threshold]: mean precision over the recall thresholds; NaN where undefined.
    private let averages: [Double]
    /// [category][area][threshold][cap].
    private let recalls: [Double]
    /// The categories of each frequency group: "r", "c", "f".
    private let groups: [(name: String, categories: [Int])]
    private let categoryCount: Int

    /// Reduces curves.
    public init(_ curves: DetectionCurves, _ truth: DetectionTruth) {
        let (areas, thresholds) = (curves.rules.areas.count, curves.rules.iouThresholds.count)
        let width = curves.rules.recallThresholds.count
        let averages = (0..<curves.categoryCount * areas * thresholds).map { curve in
            curves.precisions[curve * width..<(curve + 1) * width].reduce(0, +) / Double(width)
        }
        let recalls = Array(curves.recalls[0..<curves.recalls.count])
        self.init(curves.rules, averages, recalls, truth)
    }

    /// Draws and reduces curves without keeping them; what a bootstrap repeats with other weights.
    /// - Parameter weights: how often each image counts.
    public init(
        _ matches: DetectionMatches, _ truth: DetectionTruth, weights: [Int32]? = nil,
        threads: Int = Parallel.processorCount
    ) throws(LTError) {
        let (areas, thresholds) = (matches.areaCount, matches.thresholdCount)
        let caps = matches.rules.recallCaps
        let averages = Column<Double>(repeating: .nan, count: matches.categoryCount * areas * thresholds)
        let recalls = Column<Double>(repeating: .nan, count: averages.count * caps.count)
        let workers = max(1, min(threads, matches.categoryCount))
        let pens = Column<CurvePen?>(repeating: nil, count: workers)
        for worker in 0..<workers { pens[worker] = CurvePen(matches) }
        try Parallel.forEach(matches.categoryCount, threads: workers) { (category, worker) throws(LTError) in
            for area in 0..<areas {
                let curve = (category * areas + area) * thresholds
                for (index, cap) in caps.enumerated() {
                    guard pens[worker]?.draw(category, area: area, weights: weights, cap: cap) == true else { continue }
                    for threshold in 0..<thresholds {
                        recalls[(curve + threshold) * caps.count + index] = pens[worker]?.recalls[threshold] ?? .nan
                    }
                }
                if !recalls[curve * caps.count].isNaN { pens[worker]?.averagePrecisions(into: averages.base + curve) }
            }
        }
        self.init(
            matches.rules, Array(averages[0..<averages.count]), Array(recalls[0..<recalls.count]), truth)
    }

    private init(_ rules: DetectionProtocol, _ averages: [Double], _ recalls: [Double], _ truth: DetectionTruth) {
        (self.rules, self.averages, self.recalls) = (rules, averages, recalls)
        categoryCount = truth.categories.count
        groups =
            rules.isFederated
            ? ["r", "c", "f"].map { name in
                (name, truth.categories.indices.filter { truth.categories[$0].frequency == name })
            } : []
    }

    /// Average precision: the mean over IoU thresholds of categories that have objects to find.
    /// - Parameters:
    ///   - categories: all by default.
    ///   - area: position among the rules' ranges of area.
    ///   - threshold: position among the IoU thresholds; all by default.
    public func averagePrecision(categories: [Int]? = nil, area: Int = 0, threshold: Int? = nil) -> Double? {
        mean(averages, categories, area, threshold, stride: 1, offset: 0)
    }

    /// Average recall, alike.
    /// - Parameter cap: position among the rules' numbers of detections; the last by default.
    public func averageRecall(
        categories: [Int]? = nil, area: Int = 0, threshold: Int? = nil, cap: Int? = nil
    ) -> Double? {
        let caps = rules.recallCaps.count
        return mean(recalls, categories, area, threshold, stride: caps, offset: cap ?? caps - 1)
    }

    private func mean(
        _ values: [Double], _ categories: [Int]?, _ area: Int, _ threshold: Int?, stride: Int, offset: Int
    ) -> Double? {
        let thresholds = threshold.map { $0..<$0 + 1 } ?? 0..<rules.iouThresholds.count
        var sum = 0.0
        var count = 0
        func add(_ category: Int) {
            let curve = (category * rules.areas.count + area) * rules.iouThresholds.count
            guard !values[(curve + thresholds.lowerBound) * stride + offset].isNaN else { return }
            var own = 0.0
            for threshold in thresholds { own += values[(curve + threshold) * stride + offset] }
            sum += own
            count += thresholds.count
        }
        if let categories { categories.forEach(add) } else { (0..<categoryCount).forEach(add) }
        return count == 0 ? nil : sum / Double(count)
    }

    /// One of the numbers that the protocol lists.
    public struct Item: Sendable, Equatable {
        /// "AP50", "ARs@300".
        public var name: String
        public var title: String
        public var isRecall = false
        /// Positions among the rules' ranges of area, IoU thresholds (`nil`: all) and numbers of detections.
        public var area = 0
        public var threshold: Int?
        public var cap = 0
    }

    /// The protocol's own list without its frequency groups, in its order.
    public var list: [Item] {
        var list = [Item(name: "AP", title: "AP")]
        for (name, wanted) in [("AP50", 0.5), ("AP75", 0.75)] {
            if let threshold = rules.iouThresholds.firstIndex(where: { abs($0 - wanted) < 1e-9 }) {
                list.append(Item(name: name, title: name, threshold: threshold))
            }
        }
        let sizes = ["s": "small", "m": "medium", "l": "large"]
        for (index, area) in rules.areas.enumerated().dropFirst() {
            let title = sizes[area.suffix].map { "AP, \($0)" } ?? "AP\(area.suffix)"
            list.append(Item(name: "AP\(area.suffix)", title: title, area: index))
        }
        let caps = rules.recallCaps
        for (index, cap) in caps.enumerated() {
            let name = "AR\(suffix(cap))"
            list.append(Item(name: name, title: name, isRecall: true, cap: index))
        }
        for (index, area) in rules.areas.enumerated().dropFirst() {
            let end = suffix(caps[caps.count - 1])
            let title = sizes[area.suffix].map { "AR\(end), \($0)" } ?? "AR\(area.suffix)\(end)"
            list.append(
                Item(name: "AR\(area.suffix)\(end)", title: title, isRecall: true, area: index, cap: caps.count - 1))
        }
        return list
    }

    /// The value of a listed number; `nil` where undefined.
    /// - Parameter categories: all by default.
    public func value(_ item: Item, categories: [Int]? = nil) -> Double? {
        item.isRecall
            ? averageRecall(categories: categories, area: item.area, threshold: item.threshold, cap: item.cap)
            : averagePrecision(categories: categories, area: item.area, threshold: item.threshold)
    }

    /// A number and its name.
    public struct Value: Sendable, Equatable {
        public var name: String
        /// `nil` where undefined.
        public var value: Double?
    }

    /// The protocol's own list with its frequency groups behind the APs, as the reference prints it.
    public var values: [Value] {
        let list = list
        let own = list.map { Value(name: $0.name, value: value($0)) }
        let place = list.firstIndex(where: \.isRecall) ?? list.endIndex
        return own[..<place]
            + groups.map { Value(name: "AP\($0.name)", value: averagePrecision(categories: $0.categories)) }
            + own[place...]
    }

    /// A listed number by its name, or "APr", "APc", "APf" of a federated protocol.
    public subscript(name: String) -> Double? {
        if let item = list.first(where: { $0.name == name }) { return value(item) }
        return groups.first { "AP\($0.name)" == name }.flatMap { averagePrecision(categories: $0.categories) }
    }

    private func suffix(_ cap: Int) -> String {
        switch rules.cap {
        case .unlimited: ""
        case .perImage, .perPair: "@\(cap)"
        case .perCategory: "@\(cap)/cat"
        }
    }
}
