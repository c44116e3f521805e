// The whole way of a detector: `lt-train run` learns four pictures by heart, `lt-infer run` finds their objects with the exported
// file, `lt-eval detection` says so. And files that were made so before (Utilities/fixtures/fitted_detectors.py): what `lt-infer`
// finds with them is what ONNX Runtime finds.

import Foundation
import LTCore
import Testing

@Suite struct FittedDetectorTests {
    static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures/fitted").path

    /// A detection of `lt-infer run --lvis-json`.
    struct Found: Decodable {
        var image_id: Int
        var category_id: Int
        var bbox: [Double]
        var score: Double
    }

    /// What a model finds in the pictures; expects that it is what they show.
    static func found(_ model: String, masks: Bool) throws -> [Found] {
        let folder = try TemporaryFolder()
        let results = folder.file("results.json")
        let run = try Tool("lt-infer").run(
            [
                "run", model, "images", "--out", folder.file("p.db"), "--lvis-json", results, "--gt", "lvis.json",
                "--quiet",
            ], in: fixtures)
        #expect(run.status == 0, "\(run.error)")
        for overlap in ["bbox"] + (masks ? ["segm"] : []) {
            let report = folder.file("\(overlap).json")
            let judged = try Tool("lt-eval").run(
                ["detection", "--gt", "lvis.json", "--results", results, "--iou-type", overlap, "--json", report],
                in: fixtures)
            #expect(judged.status == 0, "\(judged.error)")
            let json = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: report)))
            let value = try #require((json as? [String: Any])?["AP50"] as? Double)
            #expect(value > 0.9, "\(overlap): AP50 \(value)")
        }
        return try JSONDecoder().decode([Found].self, from: Data(contentsOf: URL(fileURLWithPath: results)))
    }

    @Test(arguments: ["faster", "mask"]) func trainedFilesFindWhatTheyLearnt(_ name: String) throws {
        let folder = try TemporaryFolder()
        let run = try Tool("lt-train").run(["run", "\(name).yaml", "--out", folder.file("run")], in: Self.fixtures)
        #expect(run.status == 0, "\(run.error.suffix(600))")
        try RunFolder.expectFall(folder.file("run"), to: 0.1)
        _ = try Self.found(folder.file("run/model.onnx"), masks: name == "mask")
    }

    /// ONNX Runtime's detections.
    struct Recorded: Decodable {
        struct Picture: Decodable {
            var file: String
            var boxes: [[Double]]
            var scores: [Double]
            var labels: [Int]
        }
        var versions: [String: String]
        var cases: [String: [Picture]]
    }

    @Test(arguments: ["faster", "mask"]) func detectionsAreONNXRuntimes(_ name: String) throws {
        let text = try Data(contentsOf: URL(fileURLWithPath: "\(Self.fixtures)/onnxruntime.json"))
        let recorded = try JSONDecoder().decode(Recorded.self, from: text)
        let pictures = try #require(recorded.cases[name])
        let found = try Self.found("\(Self.fixtures)/\(name).onnx", masks: name == "mask")
        #expect(found.count == pictures.reduce(0) { $0 + $1.labels.count })
        for (index, picture) in pictures.enumerated() {
            let own = found.filter { $0.image_id == index + 1 }.sorted { $0.score > $1.score }
            try #require(own.count == picture.labels.count && !own.isEmpty, "\(picture.file)")
            for (detection, place) in zip(own, picture.labels.indices) {
                let (box, wanted) = (detection.bbox, picture.boxes[place])
                let corners = [box[0], box[1], box[0] + box[2], box[1] + box[3]]
                #expect(detection.category_id == picture.labels[place] + 1)
                #expect(zip(corners, wanted).allSatisfy { abs($0 - $1) < 0.05 }, "\(corners), expected \(wanted)")
                #expect(abs(detection.score - picture.scores[place]) < 1e-4)
            }
        }
    }
}
