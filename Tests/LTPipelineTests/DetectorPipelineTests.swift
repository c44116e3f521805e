// Detectors through the pipeline: rows, resume, exports, annotated images.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage
import LTPipeline
import LTPredictions
import LTPredictor
import Testing

extension TemporaryFolder {
    /// Writes a detector of [3,H,W]: two boxes that are parts of the image, their scores its brightness.
    fileprivate func writeDetector(_ name: String = "detector.onnx") throws -> String {
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
        let shares = builder.initializer("shares", try Tensor([1, 0.9] as [Float]))
        builder.output(builder.node("Mul", [shares, mean]), as: "scores", .float32, ["K"])
        let ones = builder.initializer("ones", try Tensor([Float](repeating: 1, count: 18), [2, 1, 3, 3]))
        builder.output(ones, as: "masks", .float32, ["K", 1, 3, 3])
        var graph = builder.graph
        try DecisionLayer(
            task: .segmentation, preprocess: Preprocess(),
            labels: [.init(id: 4, name: "mug"), .init(id: 9, name: "é")],
            trainCounts: [3, 900], groups: .lvis
        ).write(into: &graph)
        try graph.write(to: file(name))
        return file(name)
    }

    fileprivate func writeScenes(_ count: Int, _ prefix: String = "images/") throws {
        for number in 0..<count {
            try write(
                try jpeg(number, width: 30 + number, height: 50 - number), prefix + String(format: "%04d.jpg", number))
        }
    }
}

@Suite struct DetectorPipelineTests {
    private func run(
        _ model: String, _ folder: TemporaryFolder, out: String = "p.db", batch: Int? = nil,
        exports: [(any PredictionFormat, String)] = [], annotation: AnnotationOptions? = nil,
        progress: @escaping @Sendable (PipelineSummary) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(LTError) -> PipelineSummary {
        var options = PipelineOptions(out: folder.file(out))
        // Several may be through with all images before the first ones are told of.
        options.sessions = 1
        options.threads = 2
        options.batch = batch
        options.annotation = annotation
        return try Pipeline.run(
            model: model, images: ImageSources(paths: [folder.file("images")]), options: options,
            exports: exports.map { ($0.0, folder.file($0.1)) }, progress: progress, isCancelled: isCancelled)
    }

    @Test func imagesOfAnySizeBecomeRows() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeDetector()
        try folder.writeScenes(12)
        try folder.write([1, 2, 3], "images/0005-bad.jpg")
        let summary = try run(model, folder)
        #expect(summary.total == 13 && summary.computed == 12 && summary.failed == 1 && summary.batch == 1)
        let all = try rows(folder.file("p.db"))
        var number = 0
        for row in all where row.path.hasSuffix("bad.jpg") == false {
            guard case .detections(let found) = row.outcome else {
                Issue.record("\(row.path) failed")
                continue
            }
            let (width, height) = (30 + number, 50 - number)
            #expect(row.width == width && row.height == height && found.map(\.category) == [0, 1])
            #expect(found[0].box == Box(x1: 0, y1: 0, x2: Float(width) / 2, y2: Float(height) / 2))
            #expect(found[0].mask?.width == width && (found[0].mask?.area ?? 0) > width * height / 5)
            number += 1
        }
        #expect(number == 12)
        // Nothing is left to do; what is asked of the labels or thresholds makes other numbers.
        #expect(try run(model, folder).computed == 0)
        var options = PipelineOptions(out: folder.file("p.db"))
        options.settings.postprocess = DecisionLayer.Postprocess(maxDetections: 1)
        let sources = ImageSources(paths: [folder.file("images")])
        #expect(code { _ = try Pipeline.run(model: model, images: sources, options: options) } == .conflict)
        #expect(code { _ = try run(model, folder, out: "q.db", batch: 2) } == .invalidArgument)
    }

    @Test func aStoppedRunGoesOnAndEndsTheSame() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeDetector()
        try folder.writeScenes(9)
        _ = try run(model, folder, out: "whole.db")
        var attempts = 0
        while true {
            // Two images at a time.
            let done = Counter()
            let summary = try run(
                model, folder, progress: { _ in done.add() }, isCancelled: { done.count >= 2 })
            if !summary.isStopped { break }
            attempts += 1
        }
        #expect(attempts > 0)
        #expect(try rows(folder.file("p.db")) == rows(folder.file("whole.db")))
    }

    @Test func exportsAreWritten() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeDetector()
        try folder.writeScenes(3)
        let summary = try run(
            model, folder, exports: [(LVISResults(), "r.json"), (JSONLines(), "r.jsonl"), (CSV(), "r.csv")])
        #expect(summary.notes.count == 1 && summary.notes[0].contains("the numbers that the files are named by"))
        let results = try JSONSerialization.jsonObject(
            with: Data(contentsOf: URL(fileURLWithPath: folder.file("r.json"))))
        #expect((results as? [[String: Any]])?.map { $0["image_id"] as? Int } == [0, 0, 1, 1, 2, 2])
        #expect((results as? [[String: Any]])?.map { $0["category_id"] as? Int } == [4, 9, 4, 9, 4, 9])
        // What an export needs is asked for before the work.
        try #"{"images":[{"id":1,"file_name":"0000.jpg"}]}"#.write(
            toFile: folder.file("gt.json"), atomically: true, encoding: .utf8)
        let known = try ImageIDs(groundTruth: folder.file("gt.json"))
        #expect(
            code { _ = try run(model, folder, out: "q.db", exports: [(LVISResults(known), "q.json")]) } == .notFound)
        #expect(!FileManager.default.fileExists(atPath: folder.file("q.db")))
        let classifier = try folder.writeModel()
        #expect(
            code { _ = try run(classifier, folder, out: "q.db", exports: [(LVISResults(), "q.json")]) }
                == .invalidArgument)
    }

    @Test func annotatedImagesLieBesideEachOther() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeDetector()
        try folder.writeScenes(2, "images/a/")
        try folder.write([1, 2, 3], "images/a/bad.jpg")
        let white = try Image(width: 120, height: 90, channels: 3)
        white.bytes.update(repeating: 255)
        try folder.write(try white.encodedPNG(), "images/b/white.png")
        try folder.write(try white.encodedPNG(), "images/b/white.webp")
        let target = folder.file("out/drawn")
        let summary = try run(model, folder, annotation: AnnotationOptions(folder: target))
        #expect(summary.failed == 1 && summary.unannotated == 0 && summary.notes.last?.contains("4 annotated") == true)
        let files = ["a/0000.jpg", "a/0001.jpg", "b/white.png", "b/white.webp.jpg"]
        for (file, size) in zip(files, [(30, 50), (31, 49), (120, 90), (120, 90)]) {
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(target)/\(file)")))
            #expect(try Image.size(of: bytes) == size, "\(file)")
        }
        #expect(!FileManager.default.fileExists(atPath: target + "/a/bad.jpg"))
        let drawn = try Image.decode([UInt8](try Data(contentsOf: URL(fileURLWithPath: target + "/b/white.png"))))
        #expect(drawn.bytes.filter { $0 != 255 }.count > 1000)
        // Nothing is drawn of what is below the asked score, and drawing again replaces.
        let none = AnnotationOptions(folder: target, least: 1.5)
        #expect(try run(model, folder, annotation: none).notes.last?.contains("4 annotated") == true)
        let bare = try Image.decode([UInt8](try Data(contentsOf: URL(fileURLWithPath: target + "/b/white.png"))))
        #expect(bare.bytes.allSatisfy { $0 == 255 })
        // An image that is gone is told, and the rest is drawn.
        try FileManager.default.removeItem(atPath: folder.file("images/b/white.png"))
        let sources = ImageSources(paths: [folder.file("images/a")])
        var options = PipelineOptions(out: folder.file("p.db"))
        options.annotation = AnnotationOptions(folder: target)
        let left = try Pipeline.run(model: model, images: sources, options: options)
        #expect(left.unannotated == 1 && left.notes.last?.contains("white.png") == true)
    }

    @Test func imagesAreNeverReplaced() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeDetector()
        try folder.writeScenes(2)
        let before = try Data(contentsOf: URL(fileURLWithPath: folder.file("images/0001.jpg")))
        let inside = AnnotationOptions(folder: folder.file("images"))
        #expect(code { _ = try run(model, folder, annotation: inside) } == .conflict)
        #expect(code { _ = try run(model, folder, annotation: AnnotationOptions(folder: "/proc/none")) } == .io)
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("images/0001.jpg"))) == before)
        #expect(try rows(folder.file("p.db")).count == 2)
    }

    @Test func classifiersListTheirBestClasses() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeModel()
        try folder.writeImages(2)
        let target = folder.file("drawn")
        let summary = try run(model, folder, annotation: AnnotationOptions(folder: target))
        #expect(summary.computed == 2 && FileManager.default.fileExists(atPath: target + "/001.jpg"))
    }
}
