// COCO's and LVIS's results file: [{"image_id", "category_id", "bbox": [x, y, width, height], "score", "segmentation":
// {"size", "counts"}}], every detection of the store with its calibrated score. https://cocodataset.org/#format-results

import LTCore
import LTDecision

/// `--lvis-json`
public struct LVISResults: PredictionFormat {
    public static let name = "lvis-json"
    private var ids: ImageIDs
    private var count = 0

    /// - Parameter ids: how images get their `image_id`.
    public init(_ ids: ImageIDs = .automatic) { self.ids = ids }

    public func check(_ run: RunInfo) throws(LTError) {
        guard run.holdsDetections else {
            throw LTError(
                .invalidArgument, "needs detections, the model gives scores of classes", hint: "give --jsonl or --csv")
        }
    }

    public func check(image path: String) throws(LTError) { try ids.check(path) }

    public mutating func head(_ store: PredictionStore) throws(LTError) -> String {
        try ids.settle(store)
        return "["
    }

    public mutating func line(
        _ image: StoredImage, _ decisions: Decisions?, _ run: RunInfo
    ) throws(LTError) -> String {
        let id = try ids.next(image.path)
        var text = ""
        for decision in decisions?.detections ?? [] {
            let (detection, box) = (decision.detection, decision.detection.box)
            let bbox = [box.x1, box.y1, box.width, box.height].map { JSONText.number($0) }.joined(separator: ",")
            text += count == 0 ? "\n" : ",\n"
            text += "{\"image_id\":\(id),\"category_id\":\(run.label(detection.category).id),\"bbox\":[\(bbox)]"
            text += ",\"score\":\(JSONText.number(decision.score))"
            if let mask = detection.mask { text += ",\"segmentation\":\(JSONText.mask(mask))" }
            text += "}"
            count += 1
        }
        return text
    }

    public func tail() -> String { "\n]\n" }

    public var note: String? { "image_id: \(ids)" }
}

/// Where the numbers of images come from.
public struct ImageIDs: Sendable {
    private enum Source {
        case automatic
        case file(String, PathIndex, [Int])
        case stems
        case positions
    }
    private var source: Source
    private var position = 0

    /// The number that each file's name is, where all are different numbers (`000000397133.jpg`); else positions from 1.
    public static let automatic = ImageIDs(source: .automatic)

    private init(source: Source) { self.source = source }

    /// The ids that a COCO or LVIS annotation file gives its images; found by `file_name`, or by `coco_url`.
    /// - Throws: `io`; `malformed` with the byte offset.
    public init(groundTruth path: String) throws(LTError) {
        let buffer = try readFile(path)
        var names: [String] = []
        var ids: [Int] = []
        try withExtendedLifetime(buffer) { () throws(LTError) in
            try within("annotation file \(path)") { () throws(LTError) in
                var reader = JSONReader(buffer.bytes)
                try reader.object { reader, key throws(LTError) in
                    guard key == "images" else { return try reader.skip() }
                    try reader.array { reader throws(LTError) in
                        let (name, id) = try Self.image(&reader)
                        names.append(name)
                        ids.append(id)
                    }
                }
                guard !ids.isEmpty else { throw LTError(.malformed, "lists no images") }
            }
        }
        source = .file(path, PathIndex(names), ids)
    }

    private static func image(_ reader: inout JSONReader) throws(LTError) -> (String, Int) {
        var (id, name, url): (Int?, String?, String?)
        try reader.object { reader, key throws(LTError) in
            let isText = try reader.peek() == .string
            switch key {
            case "id": id = try reader.int()
            case "file_name" where isText: name = try reader.string()
            case "coco_url" where isText: url = try reader.string()
            default: try reader.skip()
            }
        }
        // LVIS v1 names images by URL: http://images.cocodataset.org/val2017/000000397133.jpg.
        guard let id, let name = name ?? url.map({ $0.split(separator: "/").suffix(2).joined(separator: "/") }) else {
            throw reader.malformed("image without \"id\" or \"file_name\"")
        }
        return (name, id)
    }

    /// Checks that an image has an id.
    func check(_ path: String) throws(LTError) {
        if case .file = source { _ = try id(path) }
    }

    /// Decides between names and positions.
    mutating func settle(_ store: PredictionStore) throws(LTError) {
        position = 0
        guard case .automatic = source else { return }
        var seen: Set<Int> = []
        var isNumbered = true
        try store.forEachPath { path in
            guard isNumbered else { return }
            isNumbered = Self.stem(path).map { seen.insert($0).inserted } ?? false
        }
        source = isNumbered ? .stems : .positions
    }

    /// The id of the next image.
    mutating func next(_ path: String) throws(LTError) -> Int {
        position += 1
        return try id(path)
    }

    private func id(_ path: String) throws(LTError) -> Int {
        switch source {
        case .file(let file, let index, let ids):
            let found = index.matches(path)
            guard found.count == 1 else {
                throw LTError(
                    found.isEmpty ? .notFound : .conflict,
                    found.isEmpty
                        ? "image \(path) is not in \(file)" : "image \(path) could be any of \(found.count) in \(file)",
                    hint: "give --gt the annotation file of these images")
            }
            return ids[found[0]]
        case .stems: return Self.stem(path) ?? position
        case .automatic, .positions: return position
        }
    }

    /// The number that a file's name is.
    private static func stem(_ path: String) -> Int? {
        let name = path.split(separator: "/").last ?? ""
        let stem = name.lastIndex(of: ".").map { name[..<$0] } ?? name
        return stem.utf8.allSatisfy { (48...57).contains($0) } ? Int(stem) : nil
    }
}

extension ImageIDs: CustomStringConvertible {
    /// How images got their ids.
    public var description: String {
        switch source {
        case .file(let path, _, _): "as in \(path)"
        case .stems: "the numbers that the files are named by"
        case .automatic, .positions: "positions from 1, as not every file is named by a number of its own (--gt tells)"
        }
    }
}
