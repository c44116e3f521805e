// Results files of COCO and LVIS: [{"image_id", "category_id", "bbox": [x, y, width, height], "score"}, …].
// https://cocodataset.org/#format-results

import CSIMDJSON
import LTCore
import LTDecision

extension DetectionResults {
    /// Reads a results file.
    /// - Parameter takesDigest: whether `digest` is wanted: for large files a tenth of the time.
    /// - Throws: `io`; `malformed` and `notFinite` with the byte offset; `invalidArgument` for images that the truth does not
    ///   list, and for an empty list under strict rules.
    public static func read(
        _ path: String, truth: DetectionTruth, rules: DetectionProtocol, threads: Int = Parallel.processorCount,
        takesDigest: Bool = true
    ) throws(LTError) -> DetectionResults {
        try within("results file \(path)") { () throws(LTError) in
            do throws(LTError) {
                return try read(path, truth, rules, rules.iouType != .bbox, threads, takesDigest)
            } catch {
                guard error.code == .needsMasks else { throw error }
                return try read(path, truth, rules, true, threads, takesDigest)
            }
        }
    }

    private static func read(
        _ path: String, _ truth: DetectionTruth, _ rules: DetectionProtocol, _ withMasks: Bool, _ threads: Int,
        _ takesDigest: Bool
    ) throws(LTError) -> DetectionResults {
        let stream = try JSONStream(path, takesDigest: takesDigest)
        switch try stream.next() {
        case UInt8(ascii: "["): break
        case UInt8(ascii: "{"):
            throw LTError(
                .malformed, "the file is an object, expected a list of detections",
                hint: "objects are annotations: give the detections to --results and these to --gt")
        case nil: throw LTError(.malformed, "the file is empty, expected a list of detections")
        default: throw stream.malformed("the file is no JSON list")
        }
        var results = DetectionResults()
        var withoutBox: [Int32] = []
        var unknown = UnknownCategories()
        let images = IDMap(truth.images.map(\.id))
        let categories = IDMap(truth.categories.map(\.id))
        let size = stream.size
        try stream.array(
            Piece.fields(withMasks: withMasks), allowsNonfinite: rules.isStrict, threads: threads,
            map: { (table) throws(LTError) in try Piece(table, images, categories, rules, withMasks: withMasks) },
            commit: { piece in
                if results.count == 0, piece.scores.count > 1 {
                    // Room for the whole file at once, so that arrays do not move.
                    let expected = size / max(40, piece.byteCount / (piece.scores.count - 1))
                    results.reserveCapacity(max(piece.scores.count, expected + expected / 50))
                }
                withoutBox += piece.withoutBox.map { $0 + Int32(truncatingIfNeeded: results.count) }
                results.append(piece)
                unknown.add(piece.unknown)
            })
        try stream.end()
        guard results.count < Int32.max else { throw LTError(.outOfMemory, "\(results.count) detections are too many") }
        if rules.isStrict, results.count == 0 {
            throw LTError(.invalidArgument, "the list is empty: the reference has no result for it")
        }
        if withMasks { try results.settle(withoutBox, truth, rules, threads: threads) }
        results.digest = stream.digest
        results.notes += unknown.notes
        return results
    }

    /// Gives detections without a box that of their mask. Strict rules go by what the first detection after the limit per
    /// image has: with a box, all must have one; without, all must have masks, and areas are theirs.
    private mutating func settle(
        _ withoutBox: [Int32], _ truth: DetectionTruth, _ rules: DetectionProtocol, threads: Int
    ) throws(LTError) {
        var measured = withoutBox
        if rules.isStrict, count > 0 {
            let first = firstCounted(rules)
            let isMissing = withoutBox.contains(Int32(first))
            if !isMissing, let other = withoutBox.first {
                throw LTError(.malformed, "detection \(other) has no \"bbox\", which the first one has")
            }
            if isMissing {
                if let row = (0..<count).first(where: { !masks.hasMask($0) }) {
                    throw LTError(.malformed, "detection \(row) has no \"segmentation\", which the first one has")
                }
                areas = [Double](repeating: .nan, count: count)
                measured = (0..<Int32(count)).map { $0 }
            }
        }
        guard rules.iouType == .bbox else { return }
        let rows = measured
        var isMissing = [Bool](repeating: false, count: count)
        for row in withoutBox { isMissing[Int(row)] = true }
        let chunk = 4096
        let found = Column<(area: Double, bounds: PixelBounds)>(
            repeating: (0, PixelBounds.empty), count: rows.count)
        let results = self
        try Parallel.forEach((rows.count + chunk - 1) / chunk, threads: threads) { (part, _) throws(LTError) in
            var pool = MaskPool()
            for index in part * chunk..<min(rows.count, (part + 1) * chunk) {
                pool.removeAll()
                try results.decodeMask(Int(rows[index]), truth, into: &pool)
                found[index] = (Double(pool.area(0)), pool.bounds(0))
            }
        }
        for (index, row) in rows.enumerated() {
            let (area, bounds) = found[index]
            areas[Int(row)] = area
            guard isMissing[Int(row)] else { continue }
            let box = [bounds.x1, bounds.y1, bounds.x2 - bounds.x1, bounds.y2 - bounds.y1].map { Double($0) }
            boxes.replaceSubrange(4 * Int(row)..<4 * Int(row) + 4, with: box)
        }
        masks = MaskSource()
    }

    /// The detection that the reference looks at first: of the first image in the file, after its limit.
    private func firstCounted(_ rules: DetectionProtocol) -> Int {
        guard case .perImage(let limit) = rules.cap else { return 0 }
        let rows = images.indices.filter { images[$0] == images[0] }
        guard rows.count > limit else { return 0 }
        return rows.min { (ScoreOrder.key(scores[$0]), $0) < (ScoreOrder.key(scores[$1]), $1) } ?? 0
    }

    private mutating func reserveCapacity(_ count: Int) {
        images.reserveCapacity(count)
        categories.reserveCapacity(count)
        scores.reserveCapacity(count)
        boxes.reserveCapacity(4 * count)
        areas.reserveCapacity(count)
    }

    private mutating func append(_ piece: Piece) {
        images += piece.images
        categories += piece.categories
        scores += piece.scores
        boxes += piece.boxes
        areas += piece.areas
        if piece.masks.count > 0 { masks.append(contentsOf: piece.masks) }
    }
}

/// Detections of categories that the truth does not know.
struct UnknownCategories {
    private var counts: [Int: Int] = [:]

    mutating func add(_ id: Int, _ count: Int = 1) { counts[id, default: 0] += count }
    mutating func add(_ other: UnknownCategories) { for (id, count) in other.counts { add(id, count) } }

    var notes: [String] {
        guard !counts.isEmpty else { return [] }
        let examples = counts.keys.sorted().prefix(5).map(String.init).joined(separator: ", ")
        let more = counts.count > 5 ? ", …" : ""
        return [
            "\(counts.values.reduce(0, +)) detections are of \(counts.count) categories that the ground truth does not list "
                + "(\(examples)\(more)): they count only against the limit per image"
        ]
    }
}

/// The detections of a block.
private struct Piece {
    static func fields(withMasks: Bool) -> [JSONField] {
        let fields = [
            JSONField("image_id", LT_JSON_INT), JSONField("category_id", LT_JSON_INT),
            JSONField("bbox", LT_JSON_NUMBERS), JSONField("score", LT_JSON_NUMBER),
        ]
        return withMasks ? fields + [JSONField("segmentation", LT_JSON_MASK)] : fields
    }
    var images: [Int32] = []
    var categories: [Int32] = []
    var scores: [Double] = []
    var boxes: [Double] = []
    var areas: [Double] = []
    var masks = MaskSource()
    /// Rows without a box.
    var withoutBox: [Int32] = []
    var unknown = UnknownCategories()
    var byteCount = 0

    init(
        _ table: JSONTable, _ imagePositions: IDMap, _ categoryPositions: IDMap, _ rules: DetectionProtocol,
        withMasks: Bool
    ) throws(LTError) {
        let count = table.rows
        guard count > 0 else { return }
        byteCount = table.offset(count - 1) - table.offset(0) + 1
        let ids = try table.required(0, "detection")
        let kinds = try table.required(1, "detection")
        let rectangles = table.column(2)
        for row in 0..<count where rectangles.present[row] == 0 {
            guard withMasks else {
                throw LTError(.needsMasks, "detection without \"bbox\" at byte \(table.offset(row))")
            }
            withoutBox.append(Int32(row))
        }
        let values = try table.required(3, "detection")
        if withMasks { try readMasks(table, rectangles) }
        for row in 0..<count
        where rectangles.ends[row] &- rectangles.starts[row] != 4 && rectangles.present[row] == 1 {
            let found = rectangles.ends[row] &- rectangles.starts[row]
            throw table.malformed("detection with a bbox of \(found) numbers, expected 4", row: row)
        }
        scores = Array(UnsafeBufferPointer(start: values.numbers, count: count))
        // Every row has its 4 numbers, one behind the other unless a key came twice.
        boxes = [Double](unsafeUninitializedCapacity: 4 * count) { boxes, initialized in
            for row in 0..<count {
                guard rectangles.present[row] == 1 else {
                    (boxes.baseAddress! + 4 * row).initialize(repeating: 0, count: 4)
                    continue
                }
                (boxes.baseAddress! + 4 * row).initialize(
                    from: rectangles.number_pool + Int(rectangles.starts[row]), count: 4)
            }
            initialized = 4 * count
        }
        areas = [Double](unsafeUninitializedCapacity: count) { areas, initialized in
            for row in 0..<count {
                let isOfBox = (rules.iouType == .bbox || rules.takesBoxAreas) && rectangles.present[row] == 1
                areas[row] = isOfBox ? boxes[4 * row + 2] * boxes[4 * row + 3] : .nan
            }
            initialized = count
        }
        images.reserveCapacity(count)
        categories.reserveCapacity(count)
        for row in 0..<count {
            let image = imagePositions[Int(ids.integers[row])]
            guard image >= 0 else {
                throw LTError(
                    .invalidArgument,
                    "detection of image \(ids.integers[row]) at byte \(table.offset(row)), which the ground truth does not list",
                    hint: "are these results of another split?")
            }
            images.append(image)
            let category = categoryPositions[Int(kinds.integers[row])]
            if category < 0 { unknown.add(Int(kinds.integers[row])) }
            categories.append(category)
        }
    }

    private mutating func readMasks(_ table: JSONTable, _ rectangles: lt_json_column) throws(LTError) {
        let column = table.column(4)
        for row in 0..<table.rows {
            if column.present[row] == 0, rectangles.present[row] == 0 {
                throw table.malformed("detection without \"segmentation\" and \"bbox\"", row: row)
            }
            do throws(LTError) { try masks.append(column, row: row) } catch {
                throw table.malformed("detection with a \(error.message)", row: row)
            }
        }
    }
}

extension LTError.Code {
    /// Boxes are missing that masks may give.
    fileprivate static let needsMasks: Self = "needsMasks"
}
