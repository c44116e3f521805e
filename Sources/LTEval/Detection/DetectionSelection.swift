// DetectionSelection: which detections and objects count, sorted by category, image and place in the file. Caps come before
// everything else: in LVIS, detections of categories that an image's annotation says nothing of use up its 300 too.

import LTCore

/// Positions of detections and objects, sorted by category, then by image, then as in the file.
struct DetectionSelection {
    /// Where each category begins in `detections` and `objects`; one more entry than categories.
    let detectionStarts: [Int]
    let detections: Column<Int32>
    let objectStarts: [Int]
    let objects: [Int32]
    /// Areas that were measured on masks, of detections that count.
    private let maskAreas: Column<Double>?
    private let boxAreas: [Double]

    /// The area of a detection that counts.
    @inline(__always)
    func area(_ row: Int32) -> Double {
        guard let maskAreas, boxAreas[Int(row)].isNaN else { return boxAreas[Int(row)] }
        return maskAreas.base[Int(row)]
    }

    init(
        _ truth: DetectionTruth, _ results: DetectionResults, _ rules: DetectionProtocol, threads: Int
    ) throws(LTError) {
        let categoryCount = truth.categories.count
        // Objects.
        var objectStarts = [Int](repeating: 0, count: categoryCount + 1)
        func counts(_ object: Int) -> Bool {
            !rules.isFederated || (truth.areas[object] > 0 && truth.areas[object] < .infinity)
        }
        for object in 0..<truth.count where counts(object) {
            objectStarts[Int(truth.objectCategories[object]) + 1] += 1
        }
        for category in 0..<categoryCount { objectStarts[category + 1] += objectStarts[category] }
        var places = objectStarts
        var objects = [Int32](repeating: 0, count: objectStarts[categoryCount])
        for object in 0..<truth.count where counts(object) {
            let category = Int(truth.objectCategories[object])
            objects[places[category]] = Int32(object)
            places[category] += 1
        }
        (self.objectStarts, self.objects) = (objectStarts, objects)

        // Detections by image.
        let byImage = Grouping(results.images, groups: truth.images.count)
        var isCut: [Bool] = []
        if case .perCategory(let limit) = rules.cap {
            isCut = Self.cut(results, Grouping(results.categories, groups: categoryCount), limit)
        }
        var imageLimit = Int.max
        if case .perImage(let limit) = rules.cap { imageLimit = limit }

        boxAreas = results.areas
        let maskAreas = results.masks.count > 0 ? Column<Double>(repeating: .nan, count: results.count) : nil
        self.maskAreas = maskAreas

        // Chunks of images: which detections stay, and how many of each category.
        let chunkCount = max(1, min(truth.images.count, threads == 1 ? 1 : 8 * threads))
        let kept = Column<[Int32]>(repeating: [], count: chunkCount)
        let tallies = Column<[Int]>(repeating: [], count: chunkCount)
        func images(_ chunk: Int) -> Range<Int> {
            truth.images.count * chunk / chunkCount..<truth.images.count * (chunk + 1) / chunkCount
        }
        try Parallel.forEach(chunkCount, threads: threads) { (chunk, _) throws(LTError) in
            var filter = Filter(truth, results, rules, imageLimit: imageLimit, isCut: isCut, maskAreas: maskAreas)
            for image in images(chunk) { try filter.add(image, byImage[image]) }
            kept[chunk] = filter.kept
            tallies[chunk] = filter.tally
        }
        // Where each chunk's detections of a category go.
        var starts = [Int](repeating: 0, count: categoryCount + 1)
        for category in 0..<categoryCount {
            var place = starts[category]
            for chunk in 0..<chunkCount {
                (tallies[chunk][category], place) = (place, place + tallies[chunk][category])
            }
            starts[category + 1] = place
        }
        let detections = Column<Int32>(repeating: 0, count: starts[categoryCount])
        try Parallel.forEach(chunkCount, threads: threads) { (chunk, _) throws(LTError) in
            results.categories.withUnsafeBufferPointer { categories in
                tallies[chunk].withUnsafeMutableBufferPointer { places in
                    for row in kept[chunk] {
                        let category = Int(categories[Int(row)])
                        detections.base[places[category]] = row
                        places[category] += 1
                    }
                }
            }
            kept[chunk] = []
        }
        (detectionStarts, self.detections) = (starts, detections)
    }

    /// The detections beyond the best `limit` of each category.
    private static func cut(_ results: DetectionResults, _ groups: Grouping, _ limit: Int) -> [Bool] {
        var isCut = [Bool](repeating: false, count: results.count)
        var order = ScoreOrder()
        for category in 0..<groups.count where groups[category].count > limit {
            var rows = Array(groups[category])
            rows.withUnsafeMutableBufferPointer { rows in order.sort(rows) { results.scores[Int($0)] } }
            for row in rows[limit...] { isCut[Int(row)] = true }
        }
        return isCut
    }
}

/// Positions sorted by group, in each group ascending.
private struct Grouping {
    private var starts: [Int]
    private var positions: [Int32]

    /// - Parameter keys: each position's group; below 0: none.
    init(_ keys: [Int32], groups: Int) {
        var starts = [Int](repeating: 0, count: groups + 1)
        var positions: [Int32] = []
        keys.withUnsafeBufferPointer { keys in
            starts.withUnsafeMutableBufferPointer { starts in
                for key in keys where key >= 0 { starts[Int(key) + 1] += 1 }
                for group in 0..<groups { starts[group + 1] += starts[group] }
            }
            var places = starts
            positions = [Int32](unsafeUninitializedCapacity: starts[groups]) { positions, count in
                count = starts[groups]
                places.withUnsafeMutableBufferPointer { places in
                    for index in keys.indices where keys[index] >= 0 {
                        let group = Int(keys[index])
                        (positions.baseAddress! + places[group]).initialize(to: Int32(truncatingIfNeeded: index))
                        places[group] += 1
                    }
                }
            }
        }
        (self.starts, self.positions) = (starts, positions)
    }

    var count: Int { starts.count - 1 }
    subscript(group: Int) -> ArraySlice<Int32> { positions[starts[group]..<starts[group + 1]] }
}

/// Collects the detections that count, image by image.
private struct Filter {
    let truth: DetectionTruth
    let results: DetectionResults
    let rules: DetectionProtocol
    let imageLimit: Int
    let isCut: [Bool]
    let maskAreas: Column<Double>?
    private var pool = MaskPool()
    private(set) var kept: [Int32] = []
    private(set) var tally: [Int]
    /// The latest image that each category counts in, plus 1.
    private var wanted: [Int]
    private var order = ScoreOrder()
    private var best: [Int32] = []

    init(
        _ truth: DetectionTruth, _ results: DetectionResults, _ rules: DetectionProtocol, imageLimit: Int,
        isCut: [Bool], maskAreas: Column<Double>?
    ) {
        self.maskAreas = maskAreas
        (self.truth, self.results, self.rules) = (truth, results, rules)
        (self.imageLimit, self.isCut) = (imageLimit, isCut)
        tally = [Int](repeating: 0, count: truth.categories.count)
        wanted = [Int](repeating: 0, count: truth.categories.count)
    }

    mutating func add(_ image: Int, _ rows: ArraySlice<Int32>) throws(LTError) {
        guard !rows.isEmpty else { return }
        if rules.isFederated {
            for object in truth.objectStarts[image]..<truth.objectStarts[image + 1]
            where truth.areas[object] > 0 && truth.areas[object] < .infinity {
                wanted[Int(truth.objectCategories[object])] = image + 1
            }
            for category in truth.negatives[image] { wanted[Int(category)] = image + 1 }
        }
        if rows.count > imageLimit {
            best = Array(rows)
            best.withUnsafeMutableBufferPointer { best in order.sort(best) { results.scores[Int($0)] } }
            // Back in file order, which equal scores keep.
            best.removeSubrange(imageLimit...)
            best.sort()
            try keep(best[...], image)
        } else {
            try keep(rows, image)
        }
    }

    private mutating func keep(_ rows: ArraySlice<Int32>, _ image: Int) throws(LTError) {
        try rows.withUnsafeBufferPointer { (rows) throws(LTError) in
            try results.categories.withUnsafeBufferPointer { (categories) throws(LTError) in
                try results.areas.withUnsafeBufferPointer { (areas) throws(LTError) in
                    for row in rows {
                        let category = Int(categories[Int(row)])
                        guard category >= 0 else { continue }
                        if rules.isFederated, wanted[category] != image + 1 { continue }
                        if !isCut.isEmpty, isCut[Int(row)] { continue }
                        var area = areas[Int(row)]
                        if let maskAreas, area.isNaN {
                            area = Double(try results.maskArea(Int(row), truth, &pool))
                            maskAreas.base[Int(row)] = area
                        }
                        if rules.isFederated, !(area > 0 && area < .infinity) { continue }
                        kept.append(row)
                        tally[category] += 1
                    }
                }
            }
        }
    }
}
