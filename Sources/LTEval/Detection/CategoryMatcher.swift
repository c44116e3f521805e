// CategoryMatcher: greedy matching within one image and category: detections by score descending take the free object of
// greatest overlap ≥ threshold; equal overlaps: the last in file order; objects that count before objects that are ignored.
// References: lvis-api's evaluate_img, cocoapi's evaluateImg.

import LTCore

/// Matches one category after the other; one thread at a time.
struct CategoryMatcher<Overlap: DetectionOverlap> {
    private let truth: DetectionTruth
    private let results: DetectionResults
    private let rules: DetectionProtocol
    private let overlap: Overlap
    private var scratch: Overlap.Scratch
    private var order = ScoreOrder()
    /// What counts as overlap enough at each threshold: min(threshold, 1 − 10⁻¹⁰).
    private let floors: [Double]
    private let maximumPerPair: Int
    /// Ranges of area.
    private let ranges: [(lower: Double, upper: Double)]

    // Of the image in work.
    private var overlaps: [Double] = []
    private var isIgnoredHere: [Bool] = []
    private var taken: [UInt32] = []
    /// Detections that overlap some object enough at the lowest threshold, with their greatest overlap.
    private var candidates: [(detection: Int, greatest: Double)] = []
    // Of the category in work, in the order of images.
    private var permutation: [Int32] = []
    private var ranks: [UInt16] = []
    private var matched: [UInt32] = []
    private var ignored: [UInt32] = []

    init(_ truth: DetectionTruth, _ results: DetectionResults, _ rules: DetectionProtocol, _ overlap: Overlap) {
        (self.truth, self.results, self.rules, self.overlap) = (truth, results, rules, overlap)
        scratch = overlap.makeScratch()
        ranges = rules.areas.map { ($0.lower, $0.upper) }
        floors = rules.iouThresholds.map { min($0, 1 - 1e-10) }
        if case .perPair(let limits) = rules.cap { maximumPerPair = limits.last ?? 0 } else { maximumPerPair = .max }
    }

    mutating func match(
        _ category: Int, _ selection: DetectionSelection, into output: DetectionMatches
    ) throws(LTError) {
        let detections = selection.detections[
            selection.detectionStarts[category]..<selection.detectionStarts[category + 1]]
        let count = detections.count
        let areaCount = ranges.count
        if matched.count < count * areaCount {
            matched = [UInt32](repeating: 0, count: count * areaCount)
            ignored = matched
        }
        if ranks.count < count { ranks = [UInt16](repeating: 0, count: count) }
        let objectRange = selection.objectStarts[category]..<selection.objectStarts[category + 1]

        try selection.objects.withUnsafeBufferPointer { (allObjects) throws(LTError) in
            let objects = UnsafeBufferPointer(rebasing: allObjects[objectRange])
            var (detection, object) = (0, 0)
            var pair = output.pairStarts[category]
            while detection < count || object < objects.count {
                let detectionImage = detection < count ? results.images[Int(detections[detection])] : .max
                let objectImage = object < objects.count ? truth.objectImages[Int(objects[object])] : .max
                let image = min(detectionImage, objectImage)
                var detectionEnd = detection
                while detectionEnd < count, results.images[Int(detections[detectionEnd])] == image { detectionEnd += 1 }
                var objectEnd = object
                while objectEnd < objects.count, truth.objectImages[Int(objects[objectEnd])] == image { objectEnd += 1 }
                let mine = UnsafeBufferPointer(rebasing: objects[object..<objectEnd])
                countObjects(mine, pair, into: output)
                if !mine.isEmpty { pair += 1 }
                let group = UnsafeMutableBufferPointer(rebasing: detections[detection..<detectionEnd])
                results.scores.withUnsafeBufferPointer { scores in order.sort(group) { scores[Int($0)] } }
                try match(group, mine, selection, image: Int(image), category: category, at: detection, of: count)
                (detection, object) = (detectionEnd, objectEnd)
            }
        }
        write(detections, category, into: output)
    }

    /// Whether an object is ignored whatever its area.
    private func isIgnored(_ object: Int32) -> Bool {
        rules.honoursCrowds ? truth.isCrowd[Int(object)] : truth.isIgnored[Int(object)]
    }

    @inline(__always)
    private func isOutside(_ area: Double, _ range: (lower: Double, upper: Double)) -> Bool {
        area < range.lower || area > range.upper
    }

    /// Counts the objects to find of an image.
    private func countObjects(_ objects: UnsafeBufferPointer<Int32>, _ pair: Int, into output: DetectionMatches) {
        guard !objects.isEmpty else { return }
        for (index, range) in ranges.enumerated() {
            let found = objects.count { !isIgnored($0) && !isOutside(truth.areas[Int($0)], range) }
            output.pairCounts[index * output.pairImages.count + pair] = Int32(found)
        }
    }

    /// Matches the detections of an image, sorted by score; `first` is the place of the first in the category's arrays.
    private mutating func match(
        _ detections: UnsafeMutableBufferPointer<Int32>, _ objects: UnsafeBufferPointer<Int32>,
        _ selection: DetectionSelection, image: Int, category: Int, at first: Int, of count: Int
    ) throws(LTError) {
        guard !detections.isEmpty else { return }
        let all = UInt32.max >> UInt32(32 - floors.count)
        let isOpen = rules.isFederated && truth.notExhaustive[image].contains(Int32(category))
        for index in detections.indices {
            let size = selection.area(detections[index])
            var place = first + index
            for range in ranges {
                matched[place] = 0
                ignored[place] = isOpen || isOutside(size, range) ? all : 0
                place += count
            }
            ranks[first + index] = UInt16(clamping: index)
        }
        let considered = min(detections.count, maximumPerPair)
        guard !objects.isEmpty, considered > 0 else { return }

        let width = objects.count
        if overlaps.count < considered * width { overlaps = [Double](repeating: 0, count: 2 * considered * width) }
        if taken.count < width { taken = [UInt32](repeating: 0, count: 2 * width) }
        if isIgnoredHere.count < width { isIgnoredHere = [Bool](repeating: false, count: 2 * width) }
        let considering = UnsafeBufferPointer(rebasing: detections[..<considered])
        var values: [Double] = []
        swap(&values, &overlaps)
        try values.withUnsafeMutableBufferPointer { (values) throws(LTError) in
            try overlap.write(detections: considering, objects: objects, scratch: &scratch, to: values.baseAddress!)
        }
        swap(&values, &overlaps)
        candidates.removeAll(keepingCapacity: true)
        for detection in 0..<considered {
            var greatest = overlaps[detection * width]
            for index in 1..<max(1, width) { greatest = max(greatest, overlaps[detection * width + index]) }
            if greatest >= floors[0] { candidates.append((detection, greatest)) }
        }
        guard !candidates.isEmpty else { return }
        for (area, range) in ranges.enumerated() {
            var ignoredObjects = 0
            for (index, object) in objects.enumerated() {
                isIgnoredHere[index] = isIgnored(object) || isOutside(truth.areas[Int(object)], range)
                if isIgnoredHere[index] { ignoredObjects += 1 }
                taken[index] = 0
            }
            for (detection, greatest) in candidates {
                take(
                    detection, greatest, objects, place: area * count + first + detection, mayIgnore: ignoredObjects > 0
                )
            }
        }
    }

    /// Lets a detection take an object at each threshold.
    private mutating func take(
        _ detection: Int, _ greatest: Double, _ objects: UnsafeBufferPointer<Int32>, place: Int, mayIgnore: Bool
    ) {
        let width = objects.count
        overlaps.withUnsafeBufferPointer { overlaps in
            let row = UnsafeBufferPointer(rebasing: overlaps[detection * width..<(detection + 1) * width])
            for (threshold, floor) in floors.enumerated() {
                // Thresholds ascend: what is too little here is too little for the rest.
                guard greatest >= floor else { break }
                let bit: UInt32 = 1 << UInt32(threshold)
                var found = -1
                var best = floor
                for object in 0..<width
                where row[object] >= best && !isIgnoredHere[object] && taken[object] & bit == 0 {
                    best = row[object]
                    found = object
                }
                if found < 0, mayIgnore {
                    for object in 0..<width where row[object] >= best && isIgnoredHere[object] {
                        let isCrowd = rules.honoursCrowds && truth.isCrowd[Int(objects[object])]
                        guard taken[object] & bit == 0 || isCrowd else { continue }
                        best = row[object]
                        found = object
                    }
                }
                guard found >= 0 else { continue }
                taken[found] |= bit
                let isLost = rules.isStrict && truth.ids[Int(objects[found])] == 0
                if isIgnoredHere[found] {
                    ignored[place] |= bit
                } else if !isLost {
                    ignored[place] &= ~bit
                }
                // The reference notes the object's id, and takes 0 for none.
                if !isLost { matched[place] |= bit }
            }
        }
    }

    /// Writes the category's detections in the order of their scores.
    private mutating func write(
        _ detections: UnsafeMutableBufferPointer<Int32>, _ category: Int, into output: DetectionMatches
    ) {
        let count = detections.count
        if permutation.count < count { permutation = [Int32](repeating: 0, count: count) }
        for index in 0..<count { permutation[index] = Int32(truncatingIfNeeded: index) }
        let start = output.starts[category]
        var permutation: [Int32] = []
        swap(&permutation, &self.permutation)
        defer { swap(&permutation, &self.permutation) }
        permutation.withUnsafeMutableBufferPointer { permutation in
            results.scores.withUnsafeBufferPointer { scores in
                order.sort(UnsafeMutableBufferPointer(rebasing: permutation[..<count])) {
                    scores[Int(detections[Int($0)])]
                }
                for index in 0..<count {
                    let from = Int(permutation[index])
                    let row = detections[from]
                    output.rows.base[start + index] = row
                    output.images.base[start + index] = results.images[Int(row)]
                    output.scores.base[start + index] = scores[Int(row)]
                    if output.ranks.count > 0 { output.ranks.base[start + index] = ranks[from] }
                    for area in 0..<ranges.count {
                        output.matched.base[area * output.count + start + index] = matched[area * count + from]
                        output.ignored.base[area * output.count + start + index] = ignored[area * count + from]
                    }
                }
            }
        }
    }
}
