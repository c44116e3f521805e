// COCO and LVIS annotation files (JSON). Format: https://cocodataset.org/#format-data, https://www.lvisdataset.org/dataset
// Labels: the categories of an image's annotations that are not ignored, have area > 0 and a box of at least 1 × 1;
// crowds count (COCO-MLT's rule). Files whose annotations have no boxes, as iNaturalist's, give labels alone.
// Category order: ascending id.

import Foundation
import LTCore

extension Dataset {
    /// Reads a COCO or LVIS annotation file.
    /// - Parameter imageFolder: where the images lie. By default the first that exists of `../<file stem>`, `../images`
    ///   and `images` beside the annotation file; else the file's own folder.
    /// - Throws: `io`; `malformed` with the byte offset for bad JSON; `invalidArgument` for repeated or unknown ids.
    public static func coco(_ path: String, imageFolder: String? = nil) throws(LTError) -> Dataset {
        try coco(path, imageFolder: imageFolder) { _, _ in }
    }

    /// Reads a COCO or LVIS annotation file of LVIS's data set, v0.5 or v1, whose images lie in COCO's folders: where
    /// `coco_url` says (train2017/000000391895.jpg), or directly in the image folder, by the last 16 characters of
    /// `file_name` (COCO_train2014_000000391895.jpg) or the URL; whichever is there for the first image.
    /// - Throws: what `coco` throws; `malformed` for a category whose frequency is not r, c or f.
    public static func lvis(_ path: String, imageFolder: String? = nil) throws(LTError) -> Dataset {
        try coco(path, imageFolder: imageFolder) { dataset, sources throws(LTError) in
            for category in dataset.categories where !["r", "c", "f"].contains(category.frequency ?? "r") {
                throw LTError(
                    .malformed,
                    "category \(category.id) has frequency '\(category.frequency ?? "")', expected r, c or f")
            }
            let styles: [(COCOParser.Source) -> String?] = [
                { $0.urlPath }, { $0.plainName }, { $0.file },
            ]
            guard let first = sources.first else { return }
            let found = styles.first { style in
                style(first).map { isFile("\(dataset.imageFolder)/\($0)") } ?? false
            }
            for index in dataset.images.indices {
                let source = sources[index]
                dataset.images[index].path = found?(source) ?? source.urlPath ?? source.plainName ?? ""
            }
        }
    }

    private static func coco(
        _ path: String, imageFolder: String?, _ change: (inout Dataset, [COCOParser.Source]) throws(LTError) -> Void
    ) throws(LTError) -> Dataset {
        let buffer = try readFile(path)
        return try withExtendedLifetime(buffer) { () throws(LTError) in
            try within("annotation file \(path)") { () throws(LTError) in
                var parser = COCOParser()
                try parser.read(buffer.bytes)
                var dataset = try parser.dataset(source: path)
                dataset.imageFolder = imageFolder ?? Self.defaultImageFolder(path)
                try change(&dataset, parser.sources)
                var hash = SHA256()
                hash.update(buffer.bytes)
                dataset.digest = hash.digest
                return dataset
            }
        }
    }

    /// Reads the bytes of a COCO or LVIS annotation file; image paths stay as the file gives them.
    public static func coco(parsing bytes: UnsafeRawBufferPointer) throws(LTError) -> Dataset {
        var parser = COCOParser()
        try parser.read(bytes)
        return try parser.dataset(source: "memory")
    }

    private static func defaultImageFolder(_ path: String) -> String {
        let file = URL(fileURLWithPath: path)
        let folder = file.deletingLastPathComponent()
        let stem = file.deletingPathExtension().lastPathComponent
        let above = folder.deletingLastPathComponent()
        for candidate in [
            above.appendingPathComponent(stem), above.appendingPathComponent("images"),
            folder.appendingPathComponent("images"),
        ] {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isFolder), isFolder.boolValue {
                return candidate.path
            }
        }
        return folder.path
    }
}

/// Reads the members in whatever order the file has them, then ties ids to positions.
struct COCOParser {
    var categories: [Dataset.Category] = []
    var images: [Dataset.Image] = []  // label lists hold ids until `dataset`
    var annotations: [Dataset.Annotation] = []  // image and category hold ids until `dataset`
    var polygons = Dataset.Polygons()
    /// Where the images come from, in their order.
    var sources: [Source] = []
    /// Annotations without a box: ids of annotation, image and category.
    var plainLabels: [(id: Int?, image: Int, category: Int)] = []
    var seen: Set<String> = []

    struct Source {
        var file: String?
        var url: String?
        /// http://images.cocodataset.org/val2017/000000397133.jpg lies in val2017/.
        var urlPath: String? { url.map { $0.split(separator: "/").suffix(2).joined(separator: "/") } }
        /// COCO's 12 digits and the ending.
        var plainName: String? { (file ?? url).map { String($0.suffix(16)) } }
    }

    mutating func read(_ bytes: UnsafeRawBufferPointer) throws(LTError) {
        var reader = JSONReader(bytes)
        try reader.object { reader, key throws(LTError) in
            switch key {
            case "images", "annotations", "categories":
                guard seen.insert(key).inserted else { throw reader.malformed("second member \"\(key)\"") }
                try reader.array { reader throws(LTError) in
                    switch key {
                    case "images": try readImage(&reader)
                    case "annotations": try readAnnotation(&reader)
                    default: try readCategory(&reader)
                    }
                }
            default: try reader.skip()
            }
        }
        try reader.end()
        for key in ["images", "categories"] where !seen.contains(key) {
            throw LTError(.malformed, "no member \"\(key)\", expected a COCO or LVIS annotation file")
        }
    }

    private mutating func readCategory(_ reader: inout JSONReader) throws(LTError) {
        var id: Int?
        var category = Dataset.Category(id: 0, name: "")
        try reader.object { reader, key throws(LTError) in
            switch key {
            case "id": id = try reader.int()
            case "name": category.name = try reader.string()
            case "image_count": category.trainCount = try reader.int()
            case "frequency": category.frequency = try reader.string()
            default: try reader.skip()
            }
        }
        guard let id else { throw reader.malformed("category without \"id\"") }
        guard category.trainCount ?? 0 >= 0 else { throw reader.malformed("category \(id) has a negative image_count") }
        category.id = id
        if category.name.isEmpty { category.name = String(id) }
        categories.append(category)
    }

    private mutating func readImage(_ reader: inout JSONReader) throws(LTError) {
        var id: Int?
        var path: String?
        var url: String?
        var image = Dataset.Image(id: 0, path: "", labels: [])
        try reader.object { reader, key throws(LTError) in
            switch key {
            case "id": id = try reader.int()
            case "file_name": path = try reader.optional { reader throws(LTError) in try reader.string() }
            case "coco_url": url = try reader.optional { reader throws(LTError) in try reader.string() }
            case "width": image.width = try reader.int()
            case "height": image.height = try reader.int()
            case "split": image.split = try reader.optional { reader throws(LTError) in try reader.string() }
            case "neg_category_ids": image.negativeCategories = try reader.ints()
            case "not_exhaustive_category_ids": image.notExhaustiveCategories = try reader.ints()
            default: try reader.skip()
            }
        }
        guard let id else { throw reader.malformed("image without \"id\"") }
        guard image.width ?? 1 > 0, image.height ?? 1 > 0 else {
            throw reader.malformed("image \(id) has a width or height below 1")
        }
        image.id = id
        let source = Source(file: path, url: url)
        image.path = path ?? source.urlPath ?? ""
        sources.append(source)
        images.append(image)
    }

    private mutating func readAnnotation(_ reader: inout JSONReader) throws(LTError) {
        var id: Int?
        var image: Int?
        var category: Int?
        var box: [Double]?
        var area: Double?
        var annotation = Dataset.Annotation(
            id: 0, image: 0, category: 0, box: Dataset.Box(x: 0, y: 0, width: 0, height: 0), area: 0,
            segmentation: .none, isCrowd: false, ignore: false)
        try reader.object { reader, key throws(LTError) in
            switch key {
            case "id": id = try reader.int()
            case "image_id": image = try reader.int()
            case "category_id": category = try reader.int()
            case "bbox":
                var values: [Double] = []
                try reader.array { reader throws(LTError) in
                    guard values.count < 4 else { throw reader.malformed("bbox with more than 4 numbers") }
                    values.append(try reader.double())
                }
                box = values
            case "area": area = try reader.double()
            case "iscrowd": annotation.isCrowd = try reader.flag()
            case "ignore": annotation.ignore = try reader.flag()
            case "segmentation": annotation.segmentation = try readSegmentation(&reader)
            default: try reader.skip()
            }
        }
        guard let image, let category else {
            throw reader.malformed("annotation without \"image_id\" or \"category_id\"")
        }
        if box == nil, annotation.segmentation == .none {
            plainLabels.append((id, image, category))
            return
        }
        guard let box, box.count == 4 else { throw reader.malformed("annotation without a bbox of 4 numbers") }
        annotation.id = id ?? annotations.count
        annotation.image = image
        annotation.category = category
        annotation.box = Dataset.Box(x: box[0], y: box[1], width: box[2], height: box[3])
        annotation.area = area ?? box[2] * box[3]
        annotations.append(annotation)
    }

    private mutating func readSegmentation(_ reader: inout JSONReader) throws(LTError) -> Dataset.Segmentation {
        switch try reader.peek() {
        case .null:
            try reader.null()
            return .none
        case .array:
            let first = polygons.count
            try reader.array { reader throws(LTError) in
                try reader.array { reader throws(LTError) in polygons.append(try reader.double()) }
                guard polygons.endPolygon() % 2 == 0 else {
                    throw reader.malformed("polygon with an odd number of coordinates")
                }
            }
            return first == polygons.count ? .none : .polygons(first..<polygons.count)
        default: break
        }
        var size: [Int] = []
        var runs: [UInt32]?
        var text: String?
        try reader.object { reader, key throws(LTError) in
            switch key {
            case "size": size = try reader.ints()
            case "counts":
                if try reader.peek() == .string {
                    text = try reader.string()
                } else {
                    var counts: [UInt32] = []
                    try reader.array { reader throws(LTError) in
                        guard let run = UInt32(exactly: try reader.int()) else { throw reader.malformed("run below 0") }
                        counts.append(run)
                    }
                    runs = counts
                }
            default: try reader.skip()
            }
        }
        guard size.count == 2, size[0] > 0, size[1] > 0, size[0] < 1 << 20, size[1] < 1 << 20 else {
            throw reader.malformed("run-length mask with size \(size), expected [height, width]")
        }
        if let runs { return .runs(runs, width: size[1], height: size[0]) }
        guard let text else { throw reader.malformed("run-length mask without \"counts\"") }
        return .compressedRuns(text, width: size[1], height: size[0])
    }

    /// Ties ids to positions and derives the labels.
    mutating func dataset(source: String) throws(LTError) -> Dataset {
        categories.sort { $0.id < $1.id }
        let categoryIndex = try positions(categories.map(\.id), "category")
        let imageIndex = try positions(images.map(\.id), "image")
        for index in images.indices {
            for path in [\Dataset.Image.negativeCategories, \.notExhaustiveCategories] {
                var indices: [Int] = []
                for id in images[index][keyPath: path] {
                    guard let position = categoryIndex[id] else {
                        throw LTError(
                            .invalidArgument, "image \(images[index].id) names category \(id), not in the file")
                    }
                    indices.append(position)
                }
                images[index][keyPath: path] = indices
            }
        }
        var ids: Set<Int> = []
        ids.reserveCapacity(annotations.count)
        for index in annotations.indices {
            let annotation = annotations[index]
            guard ids.insert(annotation.id).inserted else {
                throw LTError(.invalidArgument, "two annotations with id \(annotation.id)")
            }
            guard let image = imageIndex[annotation.image] else {
                throw LTError(
                    .invalidArgument, "annotation \(annotation.id) is of image \(annotation.image), not in the file")
            }
            guard let category = categoryIndex[annotation.category] else {
                throw LTError(
                    .invalidArgument,
                    "annotation \(annotation.id) is of category \(annotation.category), not in the file")
            }
            annotations[index].image = image
            annotations[index].category = category
            let counts =
                !annotation.ignore && annotation.area > 0 && annotation.box.width >= 1 && annotation.box.height >= 1
            if counts { images[image].labels.append(category) }
        }
        if let label = plainLabels.first, !annotations.isEmpty {
            throw LTError(.malformed, "annotation \(label.id ?? 0) has no bbox, others have one")
        }
        for (id, image, category) in plainLabels {
            guard let image = imageIndex[image], let category = categoryIndex[category] else {
                throw LTError(
                    .invalidArgument,
                    "annotation \(id ?? 0) ties image \(image) to category \(category), which are not both in the file")
            }
            images[image].labels.append(category)
        }
        for index in images.indices { images[index].labels = Set(images[index].labels).sorted() }
        return Dataset(
            source: source, imageFolder: "", categories: categories, images: images, annotations: annotations,
            polygons: polygons)
    }

    private func positions(_ ids: [Int], _ what: String) throws(LTError) -> [Int: Int] {
        var positions: [Int: Int] = [:]
        positions.reserveCapacity(ids.count)
        for (position, id) in ids.enumerated() {
            guard positions.updateValue(position, forKey: id) == nil else {
                let article = what == "image" ? "images" : "categories"
                throw LTError(.invalidArgument, "two \(article) with id \(id)")
            }
        }
        return positions
    }
}

extension JSONReader {
    fileprivate mutating func ints() throws(LTError) -> [Int] {
        var values: [Int] = []
        try array { reader throws(LTError) in values.append(try reader.int()) }
        return values
    }

    /// A truth value, written as a number or a boolean.
    fileprivate mutating func flag() throws(LTError) -> Bool {
        try peek() == .boolean ? try bool() : try int() != 0
    }

    fileprivate mutating func optional<T>(
        _ value: (inout JSONReader) throws(LTError) -> T
    ) throws(LTError) -> T? {
        guard try peek() == .null else { return try value(&self) }
        try null()
        return nil
    }
}
