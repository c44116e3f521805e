// DetectionMatches: for every detection that counts, at every IoU threshold and range of area, whether it found an object and
// whether it is ignored; for every image and category the number of objects to find. From this every curve can be drawn again
// without boxes: for other weights of images (bootstrap), other groups of categories, calibration.

import LTCore

/// The outcome of matching. Detections are sorted by category, then by score descending (equal scores: by image, then as in
/// the file).
public struct DetectionMatches: Sendable {
    public let rules: DetectionProtocol
    public let categoryCount: Int
    public let imageCount: Int
    /// Where each category's detections begin; one more entry than categories.
    public let starts: [Int]
    /// Where each category's pairs of image and category with objects begin; one more entry than categories.
    public let pairStarts: [Int]

    let rows: Column<Int32>
    let images: Column<Int32>
    let scores: Column<Double>
    /// Place among the detections of the same image and category; empty where no cap asks.
    let ranks: Column<UInt16>
    /// One bit per threshold, for each range of area one part with an entry per detection.
    let matched: Column<UInt32>
    let ignored: Column<UInt32>
    let pairImages: Column<Int32>
    /// Objects to find, for each range of area one part with an entry per pair.
    let pairCounts: Column<Int32>

    /// Detections that count, all categories together.
    public var count: Int { starts[categoryCount] }
    public var thresholdCount: Int { rules.iouThresholds.count }
    public var areaCount: Int { rules.areas.count }
    /// A bit for every threshold.
    var allThresholds: UInt32 { UInt32.max >> UInt32(32 - thresholdCount) }

    /// A detection that counts.
    public struct Entry: Sendable, Equatable {
        /// Position in the results.
        public var row: Int
        /// Position of its image.
        public var image: Int
        public var score: Double
        /// One bit per IoU threshold, all sizes of area: whether it found an object, whether it is ignored.
        public var matched: UInt32
        public var ignored: UInt32
    }

    /// A detection by its place in the order described above, at a range of area.
    public subscript(index: Int, area area: Int = 0) -> Entry {
        precondition(index >= 0 && index < count && area >= 0 && area < areaCount)
        return Entry(
            row: Int(rows[index]), image: Int(images[index]), score: scores[index],
            matched: matched[area * count + index], ignored: ignored[area * count + index])
    }

    /// The detections of a category.
    public func range(ofCategory category: Int) -> Range<Int> { starts[category]..<starts[category + 1] }

    /// Objects to find of a category, at a range of area.
    public func positives(ofCategory category: Int, area: Int = 0) -> Int {
        (pairStarts[category]..<pairStarts[category + 1])
            .reduce(0) { $0 + Int(pairCounts[area * pairImages.count + $1]) }
    }

    /// Images with objects of a category, and how many there are to find at a range of area.
    public func positives(ofCategory category: Int, area: Int = 0, _ body: (_ image: Int, _ count: Int) -> Void) {
        for pair in pairStarts[category]..<pairStarts[category + 1] {
            body(Int(pairImages[pair]), Int(pairCounts[area * pairImages.count + pair]))
        }
    }

    /// Matches by the rules' kind of overlap.
    /// - Throws: `invalidArgument` for impossible rules; `malformed` for a mask that is none.
    public init(
        _ truth: DetectionTruth, _ results: DetectionResults, rules: DetectionProtocol,
        threads: Int = Parallel.processorCount
    ) throws(LTError) {
        switch rules.iouType {
        case .bbox:
            let overlap = BoxOverlap(results, truth, honoursCrowds: rules.honoursCrowds)
            try self.init(truth, results, rules: rules, overlap: overlap, threads: threads)
        case .segm, .boundary:
            let overlap = MaskOverlap(
                results, truth, honoursCrowds: rules.honoursCrowds,
                boundaryRatio: rules.iouType == .boundary ? 0.02 : nil)
            try self.init(truth, results, rules: rules, overlap: overlap, threads: threads)
        }
    }

    /// Matches detections with objects, category by category.
    /// - Throws: `invalidArgument` for impossible rules; `malformed` for a mask that is none.
    public init<Overlap: DetectionOverlap>(
        _ truth: DetectionTruth, _ results: DetectionResults, rules: DetectionProtocol, overlap: Overlap,
        threads: Int = Parallel.processorCount
    ) throws(LTError) {
        try rules.validate()
        self.rules = rules
        categoryCount = truth.categories.count
        imageCount = truth.images.count
        let selection = try DetectionSelection(truth, results, rules, threads: threads)
        starts = selection.detectionStarts
        let count = selection.detections.count
        rows = Column(repeating: 0, count: count)
        images = Column(repeating: 0, count: count)
        scores = Column(repeating: 0, count: count)
        matched = Column(repeating: 0, count: count * rules.areas.count)
        ignored = Column(repeating: 0, count: count * rules.areas.count)
        if case .perPair = rules.cap {
            ranks = Column(repeating: 0, count: count)
        } else {
            ranks = Column(repeating: 0, count: 0)
        }

        var pairStarts = [0]
        var pairImages: [Int32] = []
        for category in 0..<categoryCount {
            let first = pairImages.count
            for object in selection.objects[selection.objectStarts[category]..<selection.objectStarts[category + 1]] {
                let image = truth.objectImages[Int(object)]
                if pairImages.count == first || pairImages[pairImages.count - 1] != image { pairImages.append(image) }
            }
            pairStarts.append(pairImages.count)
        }
        self.pairStarts = pairStarts
        self.pairImages = Column(repeating: 0, count: pairImages.count)
        for (pair, image) in pairImages.enumerated() { self.pairImages[pair] = image }
        pairCounts = Column(repeating: 0, count: pairImages.count * rules.areas.count)

        // The largest categories first, so that no thread is left with one of them at the end.
        let order = (0..<categoryCount).sorted { first, second in
            let sizes = (
                selection.detectionStarts[first + 1] - selection.detectionStarts[first],
                selection.detectionStarts[second + 1] - selection.detectionStarts[second]
            )
            return sizes.0 != sizes.1 ? sizes.0 > sizes.1 : first < second
        }
        let workers = max(1, min(threads, categoryCount))
        let matchers = Column<CategoryMatcher<Overlap>?>(repeating: nil, count: workers)
        for worker in 0..<workers { matchers[worker] = CategoryMatcher(truth, results, rules, overlap) }
        let output = self
        try Parallel.forEach(categoryCount, threads: workers) { (index, worker) throws(LTError) in
            try matchers[worker]?.match(order[index], selection, into: output)
        }
    }
}
