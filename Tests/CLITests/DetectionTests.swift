// Detectors and clips through lt-infer as a process: results JSON, annotated images, verify, inspect, what flags must say.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage
import LTPredictions
import Testing

extension TemporaryFolder {
    /// A detector of [3,H,W]: two boxes that are parts of the image, scores near its brightness.
    fileprivate func writeDetector(_ layer: DecisionLayer, _ name: String = "detector.onnx") throws -> String {
        var builder = GraphBuilder(name: "detector")
        let x = builder.input("image", .float32, [3, "H", "W"])
        let order = builder.initializer("order", try Tensor([2, 1, 2, 1] as [Int64]))
        let sides = builder.node("Gather", [builder.node("Shape", [x]), order])
        let size = builder.node("Cast", [sides], attributes: ["to": .int(1)])
        let parts = builder.initializer("parts", try Tensor([0, 0, 0.5, 0.5, 0.25, 0.25, 1, 1] as [Float], [2, 4]))
        builder.output(builder.node("Mul", [parts, size]), as: "boxes", .float32, ["K", 4])
        builder.output(
            builder.initializer("classes", try Tensor([4, 9] as [Int64])), as: "labels", .int64, ["K"])
        let mean = builder.node("ReduceMean", [x], attributes: ["keepdims": .int(0)])
        let shares = builder.initializer("shares", try Tensor([0.01, 0.009] as [Float]))
        let scores = builder.node("Sigmoid", [builder.node("Mul", [shares, mean])])
        builder.output(scores, as: "scores", .float32, ["K"])
        var graph = builder.graph
        try layer.write(into: &graph)
        try graph.write(to: file(name))
        return file(name)
    }

    /// A model of clips of 4 frames: the mean of every frame's channels.
    fileprivate func writeClipModel() throws -> String {
        var builder = GraphBuilder(name: "clip", opset: 17)
        let x = builder.input("clip", .float32, ["N", 3, 4, 8, 8])
        let means = builder.node("ReduceMean", [x], attributes: ["axes": .ints([3, 4]), "keepdims": .int(0)])
        builder.output(builder.node("Flatten", [means]), as: "scores", .float32, ["N", 12])
        try builder.graph.write(to: file("clip.onnx"))
        return file("clip.onnx")
    }
}

@Suite struct DetectionTests {
    private let labels: [DecisionLayer.Label] = [.init(id: 4, name: "mug"), .init(id: 9, name: "é")]

    private func scene(_ layer: DecisionLayer) throws -> (folder: TemporaryFolder, model: String, images: String) {
        let folder = try TemporaryFolder()
        let model = try folder.writeDetector(layer)
        for number in 0..<3 { try folder.writeJPEG(number, "images/\(number + 5).jpg") }
        return (folder, model, folder.file("images"))
    }

    @Test func resultsAndAnnotatedImages() throws {
        let (folder, model, images) = try scene(
            DecisionLayer(task: .detection, preprocess: Preprocess(), labels: labels))
        let tool = Tool("lt-infer")
        let run = try tool.run([
            "run", model, images, "--out", folder.file("p.db"), "--lvis-json", "-", "--annotate", folder.file("drawn"),
            "--quiet",
        ])
        #expect(run.status == 0, "\(run.error)")
        let results = try #require(
            try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
        #expect(results.map { $0["image_id"] as? Int } == [5, 5, 6, 6, 7, 7])
        #expect(results.map { $0["category_id"] as? Int } == [4, 9, 4, 9, 4, 9])
        #expect(results.map { $0["bbox"] as? [Double] }.prefix(2) == [[0, 0, 20, 15], [10, 7.5, 30, 22.5]])
        for number in 5...7 {
            let file = try readFile(folder.file("drawn/\(number).jpg"))
            let drawn = try withExtendedLifetime(file) { try Image.decode(file.bytes) }
            #expect(drawn.width == 40 && drawn.height == 30)
        }
        // Ids of an annotation file; one that lacks an image is refused before anything is written.
        try folder.write(
            Array(#"{"images":[{"id":70,"file_name":"5.jpg"},{"id":71,"file_name":"6.jpg"}]}"#.utf8), "gt.json")
        let refused = try tool.run([
            "run", model, images, "--out", folder.file("q.db"), "--lvis-json", folder.file("r.json"), "--gt",
            folder.file("gt.json"),
        ])
        #expect(refused.status == 1 && refused.error.contains("7.jpg is not in"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("q.db")))
        let inspected = try tool.run(["inspect", model])
        #expect(inspected.output.contains("detector    boxes 'boxes', scores 'scores', labels 'labels'"))
    }

    @Test func whatTheFileDoesNotSayComesFromFlags() throws {
        let (folder, model, images) = try scene(DecisionLayer())
        try folder.write(Array("4 mug\n9 é\n".utf8), "labels.txt")
        let tool = Tool("lt-infer")
        let bare = try tool.run(["run", model, images, "--out", folder.file("p.db"), "--quiet"])
        #expect(bare.status == 1 && bare.error.contains("hint: give --"))
        let said = try tool.run([
            "run", model, images, "--out", folder.file("p.db"), "--task", "detection", "--resize", "none", "--mean",
            "0", "--std", "1", "--csv", "-", "--score-threshold", "0.2", "--quiet",
        ])
        #expect(said.status == 0, "\(said.error)")
        #expect(said.output.split(separator: "\r\n").count == 7)
    }

    @Test func foldersOfFrames() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeClipModel()
        for video in ["a", "b"] {
            for frame in 1...9 { try folder.writeJPEG(frame, "videos/\(video)/frame_\(frame).jpg") }
        }
        let arguments = [
            "run", model, folder.file("videos"), "--out", folder.file("p.db"), "--task", "clip", "--resize", "squash",
            "--size", "8", "--mean", "0", "--std", "1", "--activation", "softmax", "--jsonl", "-", "--quiet",
        ]
        let tool = Tool("lt-infer")
        let silent = try tool.run(arguments)
        #expect(silent.status == 1 && silent.error.contains("--clip-sampling"), "\(silent.error)")
        let run = try tool.run(arguments + ["--clip-sampling", "center", "--clip-stride", "2"])
        #expect(run.status == 0, "\(run.error)")
        #expect(run.output.split(separator: "\n").count == 2)
    }
}
