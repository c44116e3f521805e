// ErrorSorter: the work behind DetectionErrors: image by image every detection gets its kind of error and, where a fix makes
// it right, the object that it gets; then category by category AP is computed with each kind fixed.

import LTCore

/// Sorts the errors of one image after the other; one thread at a time.
struct ErrorSorter<Overlap: DetectionOverlap> {
    typealias Kind = DetectionErrors.Kind
    private let matches: DetectionMatches
    private let truth: DetectionTruth
    private let overlap: Overlap
    private var scratch: Overlap.Scratch
    private let floor: Double
    private let background: Double
    // Of the image in work.
    private var overlaps: [Double] = []
    private var objects: [Int32] = []
    private var rows: [Int32] = []
    private var isTaken: [Bool] = []
    /// The surest detection that a fix would give each object, and its score; -1 for none.
    private var best: [(index: Int32, score: Double)] = []

    init(
        _ matches: DetectionMatches, _ truth: DetectionTruth, _ overlap: Overlap, floor: Double, background: Double
    ) {
        (self.matches, self.truth, self.overlap) = (matches, truth, overlap)
        (self.floor, self.background) = (floor, background)
        scratch = overlap.makeScratch()
    }

    /// Whether an object is ignored.
    private func isIgnored(_ object: Int32) -> Bool {
        let isMarked = matches.rules.honoursCrowds ? truth.isCrowd[Int(object)] : truth.isIgnored[Int(object)]
        let area = truth.areas[Int(object)]
        return isMarked || area < matches.rules.areas[0].lower || area > matches.rules.areas[0].upper
    }

    mutating func sort(_ image: Int, into output: SortedErrors) throws(LTError) {
        let detections = output.byImage[output.imageStarts[image]..<output.imageStarts[image + 1]]
        objects.removeAll(keepingCapacity: true)
        for object in truth.objectStarts[image]..<truth.objectStarts[image + 1] {
            // As matching takes them: LVIS leaves objects without area out.
            if matches.rules.isFederated, !(truth.areas[object] > 0 && truth.areas[object] < .infinity) { continue }
            objects.append(Int32(truncatingIfNeeded: object))
        }
        let width = objects.count
        guard width > 0 else {
            for index in detections where isFalse(Int(index), output.bit) {
                output.kinds[Int(index)] = Int8(Kind.background.rawValue)
            }
            return
        }
        try measure(detections)
        isTaken = [Bool](repeating: false, count: width)
        best = [(index: Int32, score: Double)](repeating: (-1, -.infinity), count: width)
        for (place, index) in detections.enumerated() where matches.matched[Int(index)] & output.bit != 0 {
            take(place, output.categories[Int(index)])
        }
        for (place, index) in detections.enumerated() where isFalse(Int(index), output.bit) {
            let (kind, object) = kind(place, output.categories[Int(index)])
            output.kinds[Int(index)] = Int8(kind.rawValue)
            guard object >= 0, !isTaken[object] else { continue }
            let score = matches.scores[Int(index)]
            if best[object].index < 0 || score > best[object].score { best[object] = (index, score) }
        }
        for (place, object) in objects.enumerated() where !isIgnored(object) {
            if best[place].index >= 0 { output.gains[Int(best[place].index)] = object }
            output.isUnfound[Int(object)] = !isTaken[place]
            output.isMissed[Int(object)] = !isTaken[place] && best[place].index < 0
        }
    }

    /// Whether a detection counts and found nothing.
    private func isFalse(_ index: Int, _ bit: UInt32) -> Bool {
        (matches.matched[index] | matches.ignored[index]) & bit == 0
    }

    private mutating func measure(_ detections: ArraySlice<Int32>) throws(LTError) {
        rows.removeAll(keepingCapacity: true)
        for index in detections { rows.append(matches.rows[Int(index)]) }
        let needed = rows.count * objects.count
        if overlaps.count < needed { overlaps = [Double](repeating: 0, count: 2 * needed) }
        guard needed > 0 else { return }
        var values: [Double] = []
        swap(&values, &overlaps)
        defer { swap(&values, &overlaps) }
        try values.withUnsafeMutableBufferPointer { (values) throws(LTError) in
            try rows.withUnsafeBufferPointer { (rows) throws(LTError) in
                try objects.withUnsafeBufferPointer { (objects) throws(LTError) in
                    try overlap.write(
                        detections: rows, objects: objects, scratch: &scratch, to: values.baseAddress!)
                }
            }
        }
    }

    /// Gives a matched detection its object again, by CategoryMatcher's rule; ignored objects are of no interest.
    private mutating func take(_ place: Int, _ category: Int32) {
        var found = -1
        var most = min(floor, 1 - 1e-10)
        for object in objects.indices
        where truth.objectCategories[Int(objects[object])] == category && !isTaken[object]
            && overlaps[place * objects.count + object] >= most && !isIgnored(objects[object])
        {
            most = overlaps[place * objects.count + object]
            found = object
        }
        if found >= 0 { isTaken[found] = true }
    }

    /// The kind of a false positive's error and the object that fixing it would give it; -1 for none.
    private func kind(_ place: Int, _ category: Int32) -> (Kind, object: Int) {
        // Greatest overlap with objects of the category, of others, of the category that are taken; the first of equals.
        var (same, other, taken) = (0.0, 0.0, 0.0)
        var (sameObject, otherObject) = (-1, -1)
        for (object, position) in objects.enumerated() where !isIgnored(position) {
            let value = overlaps[place * objects.count + object]
            if truth.objectCategories[Int(position)] == category {
                if value > same { (same, sameObject) = (value, object) }
                if isTaken[object] { taken = max(taken, value) }
            } else if value > other {
                (other, otherObject) = (value, object)
            }
        }
        if sameObject >= 0, same >= background, same <= floor { return (.localisation, sameObject) }
        if other >= floor { return (.classification, otherObject) }
        if taken >= floor { return (.duplicate, -1) }
        return (max(same, other) <= background ? .background : .both, -1)
    }
}

/// What is known of detections and objects, filled image by image.
struct SortedErrors: Sendable {
    let matches: DetectionMatches
    let truth: DetectionTruth
    let bit: UInt32
    /// Detections in the order of the matches, by image; where each image begins.
    let byImage: [Int32]
    let imageStarts: [Int]
    /// Category of each detection.
    let categories: [Int32]
    /// Kind of each detection's error, -1 for none; the object that a fix gives it, -1 for none.
    let kinds: Column<Int8>
    let gains: Column<Int32>
    /// Whether an object is missed: by all detections, and also by every fix of category or box.
    let isUnfound: Column<Bool>
    let isMissed: Column<Bool>

    init(_ matches: DetectionMatches, _ truth: DetectionTruth, bit: UInt32) {
        (self.matches, self.truth, self.bit) = (matches, truth, bit)
        var starts = [Int](repeating: 0, count: truth.images.count + 1)
        for index in 0..<matches.count { starts[Int(matches.images[index]) + 1] += 1 }
        for image in truth.images.indices { starts[image + 1] += starts[image] }
        var places = starts
        var byImage = [Int32](repeating: 0, count: matches.count)
        var categories = [Int32](repeating: 0, count: matches.count)
        for category in 0..<matches.categoryCount {
            for index in matches.range(ofCategory: category) {
                let image = Int(matches.images[index])
                byImage[places[image]] = Int32(truncatingIfNeeded: index)
                places[image] += 1
                categories[index] = Int32(truncatingIfNeeded: category)
            }
        }
        (self.byImage, imageStarts, self.categories) = (byImage, starts, categories)
        kinds = Column(repeating: -1, count: matches.count)
        gains = Column(repeating: -1, count: matches.count)
        isUnfound = Column(repeating: false, count: truth.count)
        isMissed = Column(repeating: false, count: truth.count)
    }

    /// AP of each category, errors by kind and category, AP with each kind fixed.
    func accumulate(
        threads: Int
    ) throws(LTError) -> (averagePrecisions: [Double?], counts: [[Int]], fixed: [[Double?]]) {
        let categoryCount = matches.categoryCount
        var counts = [[Int]](
            repeating: [Int](repeating: 0, count: categoryCount), count: DetectionErrors.Kind.allCases.count)
        let (missed, unfound) = (DetectionErrors.Kind.missed.rawValue, DetectionErrors.Kind.falseNegative.rawValue)
        for object in 0..<truth.count {
            let category = Int(truth.objectCategories[object])
            if isMissed[object] { counts[missed][category] += 1 }
            if isUnfound[object] { counts[unfound][category] += 1 }
        }
        // Detections that come to a category by a fix of theirs.
        var guests = [[Int32]](repeating: [], count: categoryCount)
        for index in 0..<matches.count where kinds[index] >= 0 {
            let kind = Int(kinds[index])
            counts[kind][Int(categories[index])] += 1
            counts[DetectionErrors.Kind.falsePositive.rawValue][Int(categories[index])] += 1
            if kind == DetectionErrors.Kind.classification.rawValue, gains[index] >= 0 {
                guests[Int(truth.objectCategories[Int(gains[index])])].append(Int32(truncatingIfNeeded: index))
            }
        }
        let base = Column<Double?>(repeating: nil, count: categoryCount)
        let kindCount = DetectionErrors.Kind.allCases.count
        let fixed = Column<Double?>(repeating: nil, count: categoryCount * kindCount)
        try Parallel.forEach(categoryCount, threads: threads) { (category, _) throws(LTError) in
            let positives = matches.positives(ofCategory: category)
            guard positives > 0 else { return }
            let before = averagePrecision(category, positives, fixing: nil, [])
            base[category] = before
            for kind in DetectionErrors.Kind.allCases {
                let lost =
                    kind == .missed || kind == .falseNegative ? counts[kind.rawValue][category] : 0
                // Where nothing is left to find, nothing can be gained.
                fixed[kind.rawValue * categoryCount + category] =
                    lost == positives
                    ? before : averagePrecision(category, positives - lost, fixing: kind, guests[category])
            }
        }
        return (
            Array(base[0..<categoryCount]), counts,
            (0..<kindCount).map { Array(fixed[$0 * categoryCount..<($0 + 1) * categoryCount]) }
        )
    }

    private func averagePrecision(
        _ category: Int, _ positives: Int, fixing fixed: DetectionErrors.Kind?, _ guests: [Int32]
    ) -> Double {
        var hits: [Bool] = []
        let range = matches.range(ofCategory: category)
        var guests = fixed == .classification ? guests[...] : []
        if !guests.isEmpty {
            guests.sort { (matches.scores[Int($1)], $0) < (matches.scores[Int($0)], $1) }
        }
        for index in range {
            while let guest = guests.first, matches.scores[Int(guest)] > matches.scores[index] {
                hits.append(true)
                guests.removeFirst()
            }
            guard matches.ignored[index] & bit == 0 else { continue }
            guard kinds[index] >= 0, let fixed else {
                hits.append(matches.matched[index] & bit != 0)
                continue
            }
            switch fixed {
            case .falsePositive: continue
            case .localisation where Int(kinds[index]) == fixed.rawValue:
                if gains[index] >= 0 { hits.append(true) }
            case _ where Int(kinds[index]) == fixed.rawValue: continue
            default: hits.append(false)
            }
        }
        hits.append(contentsOf: guests.map { _ in true })
        return Self.averagePrecision(hits, positives, matches.rules.recallThresholds)
    }

    /// The mean over recall thresholds of the greatest precision at that recall or beyond; DetectionCurves' definition.
    private static func averagePrecision(_ hits: [Bool], _ positives: Int, _ recallThresholds: [Double]) -> Double {
        var precisions: [Double] = []
        var found = 0
        for (index, isHit) in hits.enumerated() where isHit {
            found += 1
            precisions.append(Double(found) / (Double(index + 1) + Double.ulpOfOne))
        }
        for index in precisions.indices.dropLast().reversed() {
            precisions[index] = max(precisions[index], precisions[index + 1])
        }
        var sum = 0.0
        var index = 0
        for wanted in recallThresholds {
            while index < found, Double(index + 1) / Double(positives) < wanted { index += 1 }
            if index < found { sum += precisions[index] }
        }
        return sum / Double(recallThresholds.count)
    }
}
