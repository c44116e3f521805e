// Examples/c: the hosts compile as C and as C++ without a warning, and their numbers are those of lt-infer.

import Foundation
import LTDecision
import Testing

@Suite struct ExampleTests {
    static let folder = Repository.root + "/Examples/c"

    /// A folder with images, one of them below another folder, two that cannot be read, and a file that is none.
    static let photos = Result { () throws -> String in
        let folder = try Scene.folder() + "/photos"
        try FileManager.default.createDirectory(atPath: folder + "/below", withIntermediateDirectories: true)
        for (name, copy) in [
            ("picture.jpg", "a.JPG"), ("picture.webp", "b.webp"), ("colour.png", "below/c, \"d\".png"),
            ("turned.jpg", "e.jpeg"), ("junk.jpg", "f.jpg"), ("junk.onnx", "notes.txt"),
        ] {
            try FileManager.default.copyItem(atPath: try Scene.folder() + "/" + name, toPath: folder + "/" + copy)
        }
        _ = FileManager.default.createFile(atPath: folder + "/empty.png", contents: nil)
        return folder
    }

    @Test(arguments: ["classify_folder", "detect", "serve"], Language.allCases)
    func compiles(name: String, language: Language) throws {
        let result = try Host(name, language, in: Self.folder).run([])
        #expect(result.status == 64)
        #expect(result.error.hasPrefix("usage: \(name) "))
    }

    /// Runs lt-infer over the photos.
    private static func infer(_ model: String, _ format: String) throws -> String {
        let store = try Scene.folder() + "/\(UUID().uuidString).db"
        let result = try execute(
            Repository.products + "/lt-infer",
            ["run", try Scene.folder() + "/\(model).onnx", try photos.get(), "--out", store, "--\(format)", "-", "-q"])
        try #require(result.status == 2, "\(result.error)")
        return result.output
    }

    /// Records of RFC 4180.
    private static func records(_ text: String) -> [[String]] {
        var (records, record, field) = ([[String]](), [String](), "")
        var isQuoted = false
        var scalars = Array(text.unicodeScalars)[...]
        while let scalar = scalars.popFirst() {
            switch (scalar, isQuoted) {
            case ("\"", true) where scalars.first == "\"": field.unicodeScalars.append(scalars.removeFirst())
            case ("\"", _): isQuoted.toggle()
            case (",", false), ("\n", false):
                record.append(field)
                field = ""
                if scalar == "\n" {
                    records.append(record)
                    record = []
                }
            case ("\r", false): break
            default: field.unicodeScalars.append(scalar)
            }
        }
        return records
    }

    @Test(arguments: ["scores", "softmax"])
    func foldersAreClassified(model: String) throws {
        let host = try Host("classify_folder", in: Self.folder)
        let result = try host.run(
            ["-k", "100", "-b", "2", "-t", "1", try Scene.folder() + "/\(model).onnx", try Self.photos.get()])
        #expect(result.status == 2 && result.error.isEmpty, "\(result.error)")
        let reference = Self.records(try Self.infer(model, "csv"))
        let found = Self.records(result.output)
        #expect(found.first == ["image", "label", "score", "decision", "error"])
        let rows = Dictionary(grouping: found.dropFirst()) { $0[0] }
        #expect(rows.count == 6 && reference.count == 7)
        let classes = reference[0].dropFirst(3)
        var failures = 0
        for image in reference.dropFirst() {
            let own = try #require(rows[image[0]], "\(image[0])")
            guard image[2].isEmpty else {
                failures += 1
                #expect(own == [[image[0], "", "", "", image[2]]])
                continue
            }
            let scores = Dictionary(uniqueKeysWithValues: own.map { ($0[1], Float($0[2])) })
            #expect(scores == Dictionary(uniqueKeysWithValues: zip(classes, image.dropFirst(3).map { Float($0) })))
            #expect(own.filter { $0[3] == "1" }.map { $0[1] }.joined(separator: "; ") == image[1])
            #expect(own.map { Float($0[2]) ?? 0 } == own.map { Float($0[2]) ?? 0 }.sorted(by: >))
        }
        #expect(failures == 2)
    }

    @Test func foldersThatTakeTooLongAreTold() throws {
        let folder = try Scene.folder() + "/many"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for index in 0..<64 {
            try FileManager.default.copyItem(
                atPath: try Scene.folder() + "/picture.jpg", toPath: "\(folder)/\(index).jpg")
        }
        let model = try Scene.folder() + "/scores.onnx"
        let result = try Host("classify_folder", in: Self.folder).run(["-b", "64", "-w", "1", "-t", "1", model, folder])
        #expect(result.status == 2)
        let rows = Self.records(result.output).dropFirst()
        #expect(rows.count == 64 && rows.allSatisfy { $0[4].hasPrefix("timedOut: ") })
    }

    @Test func modelsThatDoNotFitAreRefused() throws {
        let photos = try Self.photos.get()
        let (classify, detect) = (try Host("classify_folder", in: Self.folder), try Host("detect", in: Self.folder))
        for (host, model, reason) in [
            (classify, "detector", "it detects objects"), (classify, "clip", "clips of frames"),
            (classify, "tensors", "2 inputs"), (classify, "junk", "junk.onnx"), (detect, "scores", "classify_folder.c"),
        ] {
            let result = try host.run([try Scene.folder() + "/\(model).onnx", photos])
            #expect(result.status == 1 && result.error.contains(reason), "\(result.error)")
        }
    }

    private struct Found: Decodable {
        struct Object: Decodable {
            struct Mask: Decodable, Equatable {
                var size: [Int]
                var counts: String
            }
            var id: Int
            var name: String
            var score: Float
            var decision: Bool?
            var box: [Float]
            var segmentation: Mask
        }
        var image: String
        var error: String?
        var detections: [Object]?
        var decisions: [Object]?
    }

    @Test func objectsAreDetected() throws {
        func parse(_ text: String) throws -> [Found] {
            try text.split(separator: "\n").map { try JSONDecoder().decode(Found.self, from: Data($0.utf8)) }
        }
        let reference = try parse(try Self.infer("detector", "jsonl"))
        let masks = try Scene.folder() + "/masks"
        try FileManager.default.createDirectory(atPath: masks, withIntermediateDirectories: true)
        let model = try Scene.folder() + "/detector.onnx"
        let host = try Host("detect", in: Self.folder)
        let result = try host.run(["-j", "-o", masks, model] + reference.map(\.image))
        #expect(result.status == 2)
        #expect(result.error.split(separator: "\n").filter { $0.hasPrefix("detect: ") }.count == 2, "\(result.error)")
        let found = Dictionary(uniqueKeysWithValues: try parse(result.output).map { ($0.image, $0.detections ?? []) })
        #expect(found.count == 4 && reference.count == 6)
        var objects = 0
        for (number, image) in reference.enumerated() where image.error == nil {
            let own = try #require(found[image.image])
            let expected = try #require(image.decisions)
            #expect(own.count == expected.count)
            for (index, (one, other)) in zip(own, expected).enumerated() {
                objects += 1
                #expect((one.id, one.name, one.score) == (other.id, other.name, other.score))
                #expect(one.box == other.box && one.segmentation == other.segmentation && one.decision == true)
                try expectBitmap("\(masks)/\(number)-\(index).pbm", one.segmentation)
            }
        }
        #expect(objects > 3)
        let lines = try host.run([model] + reference.filter { $0.error == nil }.map(\.image))
        #expect(lines.status == 0)
        #expect(lines.output.split(separator: "\n").count == objects)
        let all = try host.run(["-a", model] + reference.filter { $0.error == nil }.map(\.image))
        #expect(all.output.split(separator: "\n").count >= objects)
    }

    /// A bitmap holds the pixels of COCO's run lengths.
    private func expectBitmap(_ path: String, _ mask: Found.Object.Mask) throws {
        let (height, width) = (mask.size[0], mask.size[1])
        let head = Array("P4\n\(width) \(height)\n".utf8)
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(bytes.starts(with: head))
        let stride = (width + 7) / 8
        try #require(bytes.count == head.count + stride * height)
        var counts = Array(mask.counts.utf8)
        var runs = [UInt32](repeating: 0, count: counts.count)
        let count = try counts.withUnsafeMutableBufferPointer { counts in
            try runs.withUnsafeMutableBufferPointer { runs in
                try RunLengths.decode(UnsafeBufferPointer(counts), into: runs)
            }
        }
        var columns: [UInt8] = []
        for (index, run) in runs[..<count].enumerated() {
            columns += [UInt8](repeating: UInt8(index % 2), count: Int(run))
        }
        try #require(columns.count == width * height)
        let same = (0..<width * height).allSatisfy { pixel in
            let (y, x) = (pixel / width, pixel % width)
            return bytes[head.count + y * stride + x / 8] >> (7 - x % 8) & 1 == columns[x * height + y]
        }
        #expect(same, "\(path)")
    }
}
