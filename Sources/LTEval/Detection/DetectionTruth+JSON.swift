// Ground truth from annotation files of LVIS (v0.5, v1) and COCO. https://www.lvisdataset.org/dataset

import CSIMDJSON
import LTCore

extension DetectionTruth {
    /// Reads an annotation file.
    /// - Parameters:
    ///   - rules: what must be there: LVIS's fields for federated rules. Strict rules take and refuse what lvis-api does:
    ///     a second image, category or annotation of an id takes the place of the first; annotations of unknown images or
    ///     categories are passed over; lists and frequencies must be there.
    /// - Throws: `io`; `malformed` with the byte offset; `invalidArgument` for repeated and unknown ids.
    public static func read(
        _ path: String, rules: DetectionProtocol, threads: Int = Parallel.processorCount, takesDigest: Bool = true
    ) throws(LTError) -> DetectionTruth {
        try within("annotation file \(path)") { () throws(LTError) in
            let stream = try JSONStream(path, takesDigest: takesDigest)
            var reader = TruthReader(rules: rules, threads: threads)
            switch try stream.next() {
            case UInt8(ascii: "{"): break
            case UInt8(ascii: "["):
                throw LTError(
                    .malformed, "the file is a list, expected an object with \"images\" and \"categories\"",
                    hint: "lists are results: give the annotations to --gt and these to --results")
            case nil: throw LTError(.malformed, "the file is empty, expected LVIS or COCO annotations")
            default: throw stream.malformed("the file is no JSON object")
            }
            try stream.object { key throws(LTError) in try reader.read(key, stream) }
            try stream.end()
            var truth = try reader.truth()
            truth.digest = stream.digest
            return truth
        }
    }
}

/// Collects the arrays of an annotation file, in whatever order it has them.
private struct TruthReader {
    let rules: DetectionProtocol
    let threads: Int
    private var seen: Set<String> = []
    private var images: [(image: DetectionTruth.Image, negatives: [Int]?, notExhaustive: [Int]?)] = []
    private var categories: [DetectionTruth.Category] = []
    private var objects = Objects()

    init(rules: DetectionProtocol, threads: Int) { (self.rules, self.threads) = (rules, threads) }

    /// Annotations as the file has them.
    private struct Objects {
        var ids: [Int] = []
        var images: [Int] = []
        var categories: [Int] = []
        var boxes: [Double] = []
        var areas: [Double] = []
        var isCrowd: [Bool] = []
        var isIgnored: [Bool] = []
        var masks = MaskSource()

        mutating func append(_ other: Objects) {
            masks.append(contentsOf: other.masks)
            ids += other.ids
            images += other.images
            categories += other.categories
            boxes += other.boxes
            areas += other.areas
            isCrowd += other.isCrowd
            isIgnored += other.isIgnored
        }
    }

    mutating func read(_ key: String, _ stream: JSONStream) throws(LTError) {
        guard ["images", "categories", "annotations"].contains(key) else { return try stream.skipValue() }
        guard seen.insert(key).inserted else { throw stream.malformed("second member \"\(key)\"") }
        guard try stream.next() == UInt8(ascii: "[") else { throw stream.malformed("\"\(key)\" is no array") }
        switch key {
        case "images": try readImages(stream)
        case "categories": try readCategories(stream)
        default: try readObjects(stream)
        }
    }

    private mutating func readImages(_ stream: JSONStream) throws(LTError) {
        let fields = [
            JSONField("id", LT_JSON_INT), JSONField("width", LT_JSON_INT), JSONField("height", LT_JSON_INT),
            JSONField("neg_category_ids", LT_JSON_INTS), JSONField("not_exhaustive_category_ids", LT_JSON_INTS),
        ]
        let isStrict = rules.isStrict && rules.isFederated
        try stream.array(
            fields, threads: threads,
            map: {
                (table) throws(LTError) -> [(image: DetectionTruth.Image, negatives: [Int]?, notExhaustive: [Int]?)] in
                let ids = try table.required(0, "image")
                let (widths, heights) = (table.column(1), table.column(2))
                var rows: [(image: DetectionTruth.Image, negatives: [Int]?, notExhaustive: [Int]?)] = []
                for row in 0..<table.rows {
                    let (width, height) = (Int(widths.integers[row]), Int(heights.integers[row]))
                    guard (0...1 << 20).contains(width), (0...1 << 20).contains(height) else {
                        throw table.malformed("image of \(width)×\(height) pixels", row: row)
                    }
                    func list(_ field: Int) throws(LTError) -> [Int]? {
                        let column = table.column(field)
                        guard column.present[row] == 1 else {
                            guard !isStrict else {
                                throw table.malformed("image without \"\(fields[field].name)\"", row: row)
                            }
                            return nil
                        }
                        return column.integers(row).map { Int($0) }
                    }
                    let image = DetectionTruth.Image(id: Int(ids.integers[row]), width: width, height: height)
                    rows.append((image, try list(3), try list(4)))
                }
                return rows
            }, commit: { images += $0 })
    }

    private mutating func readCategories(_ stream: JSONStream) throws(LTError) {
        let fields = [
            JSONField("id", LT_JSON_INT), JSONField("name", LT_JSON_TEXT), JSONField("frequency", LT_JSON_TEXT),
            JSONField("image_count", LT_JSON_INT),
        ]
        let rules = rules
        try stream.array(
            fields, threads: 1,
            map: { (table) throws(LTError) -> [DetectionTruth.Category] in
                let ids = try table.required(0, "category")
                let (names, frequencies, counts) = (table.column(1), table.column(2), table.column(3))
                var rows: [DetectionTruth.Category] = []
                for row in 0..<table.rows {
                    let id = Int(ids.integers[row])
                    var frequency: String?
                    if rules.isFederated {
                        if frequencies.present[row] == 1 {
                            let text = try frequencies.text(row)
                            guard ["r", "c", "f"].contains(text) else {
                                throw table.malformed(
                                    "category \(id) has the frequency \"\(text)\", expected \"r\", \"c\" or \"f\"",
                                    row: row)
                            }
                            frequency = text
                        } else if rules.isStrict {
                            throw table.malformed("category \(id) without \"frequency\"", row: row)
                        }
                    }
                    rows.append(
                        DetectionTruth.Category(
                            id: id, name: names.present[row] == 1 ? try names.text(row) : String(id),
                            frequency: frequency,
                            imageCount: counts.present[row] == 1 ? Int(counts.integers[row]) : nil))
                }
                return rows
            }, commit: { categories += $0 })
    }

    private mutating func readObjects(_ stream: JSONStream) throws(LTError) {
        let hasMasks = rules.iouType != .bbox
        let fields =
            [
                JSONField("id", LT_JSON_INT), JSONField("image_id", LT_JSON_INT),
                JSONField("category_id", LT_JSON_INT), JSONField("bbox", LT_JSON_NUMBERS),
                JSONField("area", LT_JSON_NUMBER), JSONField("iscrowd", LT_JSON_FLAG),
                JSONField("ignore", LT_JSON_FLAG),
            ] + (hasMasks ? [JSONField("segmentation", LT_JSON_MASK)] : [])
        try stream.array(
            fields, threads: threads,
            map: { (table) throws(LTError) -> Objects in
                let ids = try table.required(0, "annotation")
                let images = try table.required(1, "annotation")
                let categories = try table.required(2, "annotation")
                let boxes = try table.required(3, "annotation")
                let areas = try table.required(4, "annotation")
                let (crowds, ignored) = (table.column(5), table.column(6))
                var objects = Objects()
                if hasMasks {
                    let masks = try table.required(7, "annotation")
                    for row in 0..<table.rows {
                        do throws(LTError) { try objects.masks.append(masks, row: row) } catch {
                            throw table.malformed("annotation with a \(error.message)", row: row)
                        }
                    }
                }
                for row in 0..<table.rows {
                    objects.ids.append(Int(ids.integers[row]))
                    objects.images.append(Int(images.integers[row]))
                    objects.categories.append(Int(categories.integers[row]))
                    let start = Int(boxes.starts[row])
                    guard Int(boxes.ends[row]) == start + 4 else {
                        throw table.malformed(
                            "annotation with a bbox of \(Int(boxes.ends[row]) - start) numbers, expected 4", row: row)
                    }
                    for index in start..<start + 4 { objects.boxes.append(boxes.number_pool[index]) }
                    objects.areas.append(areas.numbers[row])
                    objects.isCrowd.append(crowds.integers[row] != 0)
                    objects.isIgnored.append(ignored.integers[row] != 0)
                }
                return objects
            }, commit: { objects.append($0) })
    }

    /// Sorts images, categories and objects, and ties ids to positions.
    func truth() throws(LTError) -> DetectionTruth {
        for key in ["images", "categories", "annotations"] where !seen.contains(key) {
            throw LTError(.malformed, "no member \"\(key)\", expected LVIS or COCO annotations")
        }
        var truth = DetectionTruth()
        let imageOrder = try order(images.map(\.image.id), "images")
        let categoryOrder = try order(categories.map(\.id), "categories")
        truth.images = imageOrder.map { images[$0].image }
        truth.categories = categoryOrder.map { categories[$0] }
        let imagePositions = IDMap(truth.images.map(\.id))
        let categoryPositions = IDMap(truth.categories.map(\.id))

        var unknownLists = 0
        func positions(_ ids: [Int]?) -> [Int32] {
            (ids ?? []).compactMap { id in
                let position = categoryPositions[id]
                if position < 0 { unknownLists += 1 }
                return position < 0 ? nil : position
            }
        }
        for index in imageOrder {
            truth.negatives.append(positions(images[index].negatives))
            truth.notExhaustive.append(positions(images[index].notExhaustive))
        }
        if rules.isFederated {
            let without = images.count { $0.negatives == nil }
            if without > 0 {
                truth.notes.append(
                    "\(without) images have no neg_category_ids: detections of categories not annotated in them do not count"
                )
            }
            let unnamed = truth.categories.count { $0.frequency == nil }
            if unnamed > 0 {
                truth.notes.append("\(unnamed) categories have no frequency: they are in none of r, c, f")
            }
            if unknownLists > 0 {
                truth.notes.append("\(unknownLists) entries of lists of categories name none of the file's categories")
            }
        }

        // Which annotation each reference to an id means, and whether it has a place.
        var latest: [Int: Int] = [:]
        let isRepeated = hasRepeatedIDs()
        if isRepeated {
            for (index, id) in objects.ids.enumerated() {
                if latest.updateValue(index, forKey: id) != nil, !rules.isStrict {
                    throw LTError(.invalidArgument, "two annotations with id \(id)")
                }
            }
        }
        var starts = [Int](repeating: 0, count: truth.images.count + 1)
        var places = [Int32](repeating: -1, count: objects.ids.count)
        for index in objects.ids.indices {
            let image = imagePositions[objects.images[index]]
            let category = categoryPositions[objects.categories[index]]
            if image < 0 || category < 0 {
                guard !rules.isStrict else { continue }
                let what = image < 0 ? "image \(objects.images[index])" : "category \(objects.categories[index])"
                throw LTError(
                    .invalidArgument, "annotation \(objects.ids[index]) is of \(what), which the file does not list")
            }
            places[index] = image
            starts[Int(image) + 1] += 1
        }
        for image in truth.images.indices { starts[image + 1] += starts[image] }
        var next = starts
        var sorted = [Int](repeating: 0, count: starts[truth.images.count])
        for index in places.indices where places[index] >= 0 {
            sorted[next[Int(places[index])]] = index
            next[Int(places[index])] += 1
        }
        if isRepeated {
            // The reference looks every surviving annotation up by its id and gets the last of that id.
            sorted = sorted.filter { !rules.isFederated || (objects.areas[$0] > 0 && objects.areas[$0] < .infinity) }
                .compactMap { index -> Int? in
                    let meant = latest[objects.ids[index]] ?? index
                    return places[meant] >= 0 ? meant : nil
                }
            let images = sorted.map { places[$0] }
            // Stable by image, as the reference's lists per image grow.
            sorted = images.indices.sorted { (images[$0], $0) < (images[$1], $1) }.map { sorted[$0] }
            starts = [Int](repeating: 0, count: truth.images.count + 1)
            for image in images { starts[Int(image) + 1] += 1 }
            for image in truth.images.indices { starts[image + 1] += starts[image] }
        }
        truth.objectStarts = starts
        truth.ids = sorted.map { objects.ids[$0] }
        truth.objectImages = sorted.map { places[$0] }
        truth.objectCategories = sorted.map { categoryPositions[objects.categories[$0]] }
        truth.boxes.reserveCapacity(4 * sorted.count)
        for index in sorted { truth.boxes.append(contentsOf: objects.boxes[4 * index..<4 * index + 4]) }
        truth.areas = sorted.map { objects.areas[$0] }
        truth.masks = objects.masks
        if truth.masks.count > 0 { truth.maskPositions = sorted }
        truth.isCrowd = sorted.map { objects.isCrowd[$0] }
        truth.isIgnored = sorted.map { objects.isIgnored[$0] }
        return truth
    }

    private func hasRepeatedIDs() -> Bool {
        let ids = objects.ids.sorted()
        return zip(ids, ids.dropFirst()).contains { $0 == $1 }
    }

    /// Positions by ascending id; of equal ids the last under strict rules.
    private func order(_ ids: [Int], _ what: String) throws(LTError) -> [Int] {
        let sorted = ids.indices.sorted { (ids[$0], $0) < (ids[$1], $1) }
        var order: [Int] = []
        for index in sorted {
            if let last = order.last, ids[last] == ids[index] {
                guard rules.isStrict else { throw LTError(.invalidArgument, "two \(what) with id \(ids[index])") }
                order.removeLast()
            }
            order.append(index)
        }
        return order
    }
}

/// From ids to positions: a table where ids are dense enough, else binary search.
struct IDMap: Sendable {
    private let ids: [Int]
    private let first: Int
    private var table: [Int32] = []

    /// - Parameter ids: ascending, each once.
    init(_ ids: [Int]) {
        self.ids = ids
        first = ids.first ?? 0
        let (span, overflow) = (ids.last ?? 0).subtractingReportingOverflow(first)
        if !overflow, span < max(1 << 22, 8 * ids.count) {
            table = [Int32](repeating: -1, count: span + 1)
            for (position, id) in ids.enumerated() { table[id - first] = Int32(position) }
            if ids.isEmpty { table = [] }
        }
    }

    /// The position of an id; -1 when it is not there.
    subscript(id: Int) -> Int32 {
        if !table.isEmpty {
            let (index, overflow) = id.subtractingReportingOverflow(first)
            return overflow || index < 0 || index >= table.count ? -1 : table[index]
        }
        var (low, high) = (0, ids.count)
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < ids.count && ids[low] == id ? Int32(low) : -1
    }
}
