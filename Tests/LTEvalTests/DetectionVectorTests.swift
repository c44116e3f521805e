// Average precision against lvis-api 0.5.3: edge cases with the exact inputs, and seeded sets compared cell by cell.
// LT_EVAL_VECTORS=DIR runs the cases of another folder of the same layout; a file there that no test reads is a failure.

import Foundation
import LTCore
import LTEval
import Testing

/// JSON by its places in the text, so that parts of a case can be given to a reader as they stand (NaN too).
final class RawJSON {
    let bytes: [UInt8]
    let range: Range<Int>
    var members: [(key: String, value: RawJSON)] = []
    var elements: [RawJSON] = []

    convenience init(_ data: Data) {
        self.init([UInt8](data), at: 0)
    }

    private init(_ bytes: [UInt8], at start: Int) {
        self.bytes = bytes
        var at = start
        func space() { while at < bytes.count, bytes[at] <= 0x20 { at += 1 } }
        space()
        let first = at
        var members: [(String, RawJSON)] = []
        var elements: [RawJSON] = []
        func text() -> String {
            let from = at
            at += 1
            while bytes[at] != UInt8(ascii: "\"") { at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1 }
            at += 1
            return String(decoding: bytes[from + 1..<at - 1], as: UTF8.self)
        }
        switch bytes[at] {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            let isObject = bytes[at] == UInt8(ascii: "{")
            at += 1
            space()
            while bytes[at] != UInt8(ascii: isObject ? "}" : "]") {
                var key = ""
                if isObject {
                    key = text()
                    space()
                    at += 1
                }
                let value = RawJSON(bytes, at: at)
                if isObject { members.append((key, value)) } else { elements.append(value) }
                at = value.range.upperBound
                space()
                if bytes[at] == UInt8(ascii: ",") { at += 1 }
                space()
            }
            at += 1
        case UInt8(ascii: "\""): _ = text()
        default: while at < bytes.count, !Array(",]} \n\r\t".utf8).contains(bytes[at]) { at += 1 }
        }
        range = first..<at
        (self.members, self.elements) = (members, elements)
    }

    subscript(key: String) -> RawJSON? { members.first { $0.key == key }?.value }
    var text: String { String(decoding: bytes[range], as: UTF8.self) }
    var string: String { String(text.dropFirst().dropLast()) }
    var double: Double { Double(text) ?? .nan }
    /// All numbers in it, in order.
    var doubles: [Double] { elements.isEmpty ? [double] : elements.flatMap(\.doubles) }
}

/// A folder that is deleted with its last reference.
final class ScratchFolder {
    let path = NSTemporaryDirectory() + "lt-detection-\(UUID().uuidString)/"
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path + name))
        return path + name
    }
}

/// What an evaluation gives, from files.
struct Evaluated {
    let truth: DetectionTruth
    let results: DetectionResults
    let matches: DetectionMatches
    let curves: DetectionCurves
    let summary: DetectionSummary

    init(_ truthFile: String, _ resultsFile: String, _ rules: DetectionProtocol, threads: Int = 2) throws {
        truth = try DetectionTruth.read(truthFile, rules: rules, threads: threads)
        results = try DetectionResults.read(resultsFile, truth: truth, rules: rules, threads: threads)
        matches = try DetectionMatches(truth, results, rules: rules, threads: threads)
        curves = try DetectionCurves(matches, threads: threads)
        summary = DetectionSummary(curves, truth)
    }

    /// Precision [T, R, K, A] and recall [T, K, A] as the reference lays them out, -1 where undefined.
    var referenceCells: (precision: [Double], recall: [Double]) {
        let rules = curves.rules
        let (T, R, K, A) = (
            rules.iouThresholds.count, rules.recallThresholds.count, truth.categories.count, rules.areas.count
        )
        var precision = [Double](repeating: -1, count: T * R * K * A)
        var recall = [Double](repeating: -1, count: T * K * A)
        for t in 0..<T {
            for k in 0..<K {
                for a in 0..<A {
                    guard let curve = curves.precision(category: k, area: a, threshold: t) else { continue }
                    for r in 0..<R { precision[((t * R + r) * K + k) * A + a] = curve[r] }
                    recall[(t * K + k) * A + a] = curves.recall(category: k, area: a, threshold: t) ?? -1
                }
            }
        }
        return (precision, recall)
    }
}

@Suite struct DetectionVectorTests {
    static let given = ProcessInfo.processInfo.environment["LT_EVAL_VECTORS"]
    static let folder = given.map { URL(fileURLWithPath: $0) } ?? fixtures.appendingPathComponent("eval")

    static func json(_ name: String) throws -> RawJSON {
        RawJSON(try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    @Test func thresholdsAreTheReferences() throws {
        let vectors = try Self.json("thresholds.json")
        #expect(DetectionProtocol.iouGrid == vectors["iou_thrs"]?.doubles)
        #expect(DetectionProtocol.recallGrid == vectors["rec_thrs"]?.doubles)
    }

    @Test func edgeCasesAreTheReferences() throws {
        let cases = try Self.json("edge_cases.json").elements
        #expect(!cases.isEmpty)
        let scratch = try ScratchFolder()
        for vector in cases {
            let name = vector["name"]?.string ?? "?"
            var rules = DetectionProtocol.lvis
            rules.isStrict = true
            let limit = vector["max_dets"].map { Int($0.double) } ?? 300
            rules.cap = limit < 0 ? .unlimited : .perImage(limit)
            let truth = try scratch.file("gt.json", try #require(vector["gt"]).text)
            let results = try scratch.file("dt.json", try #require(vector["dt"]).text)
            rules.iouType = try #require(vector["iou_type"].flatMap { DetectionProtocol.IoUType(rawValue: $0.string) })
            rules.takesBoxAreas = true
            guard vector["error"] == nil else {
                #expect(throws: LTError.self, "\(name)") { try Evaluated(truth, results, rules) }
                continue
            }
            let outcome: Evaluated
            do { outcome = try Evaluated(truth, results, rules) } catch {
                Issue.record("\(name): \(error)")
                continue
            }
            for (key, expected) in try #require(vector["expected"]).members {
                // The reference names AR by its usual limit, whatever the results were cut to.
                let own = key.replacing("@300", with: "@\(limit)")
                expectClose(outcome.summary[own] ?? -1, expected.double, 1e-12, "\(name) \(key)")
            }
            let cells = outcome.referenceCells
            if let recall = vector["recall"] { #expect(cells.recall == recall.doubles, "\(name) recall") }
            if let precision = vector["precision_iou50_all"] {
                let categories = outcome.truth.categories.count
                let areas = rules.areas.count
                let own = (0..<categories).flatMap { k in
                    (0..<rules.recallThresholds.count).map { r in cells.precision[(r * categories + k) * areas] }
                }
                #expect(own == precision.doubles, "\(name) precision")
            }
        }
        print("edge_cases.json: \(cases.count) cases")
    }

    /// Edge cases whose numbers are others without `--strict-reference`, on purpose:
    /// an annotation with id 0 is one like any other (the reference takes its match for none); an image that does not list
    /// negative categories has none (the reference refuses it).
    static let ownNumbers: [String: [String: Double]] = [
        "gt_id_zero_bug": [
            "AP": 0.9999999999999998, "AP50": 0.9999999999999999, "AP75": 0.9999999999999999,
            "APm": 0.9999999999999998, "APf": 0.9999999999999998, "AR@300": 1, "ARm@300": 1,
        ],
        "missing_neg_list": ["AP": 0.9999999999999998],
    ]

    /// Where default and reference do not differ on purpose, every number is the reference's by default too.
    @Test func edgeCasesByDefault() throws {
        let scratch = try ScratchFolder()
        for vector in try Self.json("edge_cases.json").elements {
            let name = vector["name"]?.string ?? "?"
            let own = Self.ownNumbers[name]
            // What the reference refuses we may answer.
            guard vector["error"] == nil || own != nil else { continue }
            let annotations = vector["gt"]?["annotations"]?.elements ?? []
            guard own != nil || !annotations.contains(where: { $0["id"]?.text == "0" }) else { continue }
            var rules = DetectionProtocol.lvis
            let limit = vector["max_dets"].map { Int($0.double) } ?? 300
            rules.cap = limit < 0 ? .unlimited : .perImage(limit)
            rules.iouType = try #require(vector["iou_type"].flatMap { DetectionProtocol.IoUType(rawValue: $0.string) })
            let detections = try #require(vector["dt"])
            let outcome = try Evaluated(
                scratch.file("gt.json", try #require(vector["gt"]).text), scratch.file("dt.json", detections.text),
                rules
            )
            // The reference takes the area of a box beside a mask.
            let hasBoxAreas = rules.iouType != .bbox && detections.elements.contains { $0["bbox"] != nil }
            for (key, expected) in vector["expected"]?.members ?? [] where own?[key] == nil {
                if hasBoxAreas, ["s", "m", "l"].contains(key.prefix { $0 != "@" }.suffix(1)) { continue }
                let value = outcome.summary[key.replacing("@300", with: "@\(limit)")]
                expectClose(value ?? -1, expected.double, 1e-12, "\(name) \(key)")
            }
            for (key, expected) in own ?? [:] { expectClose(outcome.summary[key], expected, 1e-12, "\(name) \(key)") }
        }
    }

    /// The boxes of masks.json, each pair plain and with the object a crowd.
    @Test(arguments: ["iou", "iou_crowd"]) func boxOverlapsAreTheReferences(_ key: String) throws {
        let vector = try #require(try Self.json("masks.json")["bbox_iou"])
        let isCrowd = key == "iou_crowd"
        let objects = (vector["gt"]?.elements ?? []).enumerated().map { index, box in
            "{\"id\":\(index + 1),\"image_id\":1,\"category_id\":1,\"area\":100,\"iscrowd\":\(isCrowd ? 1 : 0),"
                + "\"bbox\":\(box.text)}"
        }
        let detections = (vector["dt"]?.elements ?? []).map {
            "{\"image_id\":1,\"category_id\":1,\"score\":0.5,\"bbox\":\($0.text)}"
        }
        let scratch = try ScratchFolder()
        let truth = try scratch.file(
            "gt.json",
            "{\"images\":[{\"id\":1,\"width\":100,\"height\":100}],\"categories\":[{\"id\":1,\"name\":\"a\"}],"
                + "\"annotations\":[\(objects.joined(separator: ","))]}")
        let results = try scratch.file("dt.json", "[\(detections.joined(separator: ","))]")
        let outcome = try Evaluated(truth, results, .coco)
        let overlap = BoxOverlap(outcome.results, outcome.truth, honoursCrowds: isCrowd)
        var own = [Double](repeating: .nan, count: detections.count * objects.count)
        let rows = (0..<detections.count).map { Int32($0) }
        let columns = (0..<objects.count).map { Int32($0) }
        rows.withUnsafeBufferPointer { rows in
            columns.withUnsafeBufferPointer { columns in
                own.withUnsafeMutableBufferPointer { own in
                    var scratch: Void = overlap.makeScratch()
                    overlap.write(detections: rows, objects: columns, scratch: &scratch, to: own.baseAddress!)
                }
            }
        }
        let wanted = (vector[key]?.elements ?? []).flatMap(\.doubles)
        #expect(own == wanted && wanted.count > 0)
        print("masks.json: \(wanted.count) pairs of boxes, \(key)")
    }

    /// Every set of the folder, NAME_bbox.json or NAME_segm.json.
    @Test func seededSetsAreTheReferences() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).sorted()
        var run: [String] = []
        for file in files {
            for type in [DetectionProtocol.IoUType.bbox, .segm] where file.hasSuffix("_\(type.rawValue).json") {
                try seededSet(String(file.dropLast("_\(type.rawValue).json".count)), type)
                run.append(file)
            }
        }
        #expect(run.count >= 4)
        print("seeded sets: \(run.joined(separator: ", "))")
    }

    @Test func everyFileOfTheFolderIsRead() throws {
        // Those with tests of their own.
        let others = ["edge_cases.json", "thresholds.json", "masks.json", "variants.json", "data"]
        for file in try FileManager.default.contentsOfDirectory(atPath: Self.folder.path) {
            let isSet = file.hasSuffix("_bbox.json") || file.hasSuffix("_segm.json")
            #expect(isSet || others.contains(file) || file.hasPrefix("cls"), "no test reads \(file)")
        }
    }

    /// The detections of a set: as they lie in the folder, or from the compact form of the fixtures (lvis_small.py).
    static func results(_ name: String, _ type: DetectionProtocol.IoUType, _ scratch: ScratchFolder) throws -> String {
        let path = Self.folder.appendingPathComponent("data/\(name)_dt_\(type.rawValue).json").path
        let compact = fixtures.appendingPathComponent("eval/data/\(name)_dt_\(type.rawValue)").path
        if FileManager.default.fileExists(atPath: path) { return path }
        var lines: [String] = []
        if type == .bbox {
            let data = try Data(contentsOf: URL(fileURLWithPath: compact + ".bin"))
            data.withUnsafeBytes { bytes in
                for start in stride(from: 0, to: bytes.count, by: 28) {
                    let ids = [0, 4].map { bytes.loadUnaligned(fromByteOffset: start + $0, as: UInt32.self) }
                    let values = (0..<5).map {
                        Double(bytes.loadUnaligned(fromByteOffset: start + 8 + 4 * $0, as: Float.self))
                    }
                    lines.append(
                        "{\"image_id\":\(ids[0]),\"category_id\":\(ids[1]),\"score\":\(values[0]),"
                            + "\"bbox\":[\(values[1]),\(values[2]),\(values[3]),\(values[4])]}")
                }
            }
        } else {
            var sizes: [String: String] = [:]
            for image in try Self.json("data/\(name)_gt.json")["images"]?.elements ?? [] {
                sizes[image["id"]?.text ?? ""] = "[\(image["height"]?.text ?? ""),\(image["width"]?.text ?? "")]"
            }
            for line in try String(contentsOfFile: compact + ".txt", encoding: .utf8).split(separator: "\n") {
                let parts = line.split(separator: " ").map(String.init)
                let counts = parts[3].replacing("\\", with: "\\\\")
                lines.append(
                    "{\"image_id\":\(parts[0]),\"category_id\":\(parts[1]),\"score\":\(parts[2]),"
                        + "\"segmentation\":{\"size\":\(sizes[parts[0]] ?? "[]"),\"counts\":\"\(counts)\"}}")
            }
        }
        return try scratch.file("dt.json", "[\(lines.joined(separator: ",\n"))]")
    }

    private func seededSet(_ name: String, _ type: DetectionProtocol.IoUType) throws {
        let vector = try Self.json("\(name)_\(type.rawValue).json")
        var rules = DetectionProtocol.lvis
        rules.iouType = type
        rules.isStrict = true
        let scratch = try ScratchFolder()
        let outcome = try Evaluated(
            Self.folder.appendingPathComponent("data/\(name)_gt.json").path, Self.results(name, type, scratch), rules)
        for (key, expected) in try #require(vector["results"]).members {
            expectClose(outcome.summary[key] ?? -1, expected.double, 1e-12, "\(name) \(key)")
        }
        let cells = outcome.referenceCells
        func digest(_ values: [Double]) -> String {
            values.withUnsafeBytes { bytes in
                var hash = SHA256()
                hash.update(bytes)
                return hash.digest
            }
        }
        #expect(digest(cells.precision) == vector["precision_sha256"]?.string)
        #expect(digest(cells.recall) == vector["recall_sha256"]?.string)
        for (index, category) in outcome.truth.categories.enumerated() {
            let id = String(category.id)
            expectClose(
                outcome.summary.averagePrecision(categories: [index]) ?? -1,
                try #require(vector["per_category_AP"]?[id]).double, 1e-12, "\(name) \(id)")
            expectClose(
                outcome.summary.averagePrecision(categories: [index], threshold: 0) ?? -1,
                try #require(vector["per_category_AP50"]?[id]).double, 1e-12, "\(name) \(id)")
        }
        // The compact form of masks has only those that count.
        let raw = vector["n_dets_raw"].map { Int($0.double) }
        #expect(outcome.results.count == raw || (type == .segm && outcome.results.count == outcome.matches.count))
        #expect(outcome.matches.count == vector["n_dets_evaluated"].map { Int($0.double) })
    }
}
