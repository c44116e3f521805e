// Scene: the models and images that hosts are run on, written once into a folder beside the test bundle.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage

enum Scene {
    /// The folder with everything in it.
    static func folder() throws -> String { try made.get() }

    private static let made = Result { () throws -> String in
        let folder = Repository.products + "/CABITests.scene"
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        func write(_ bytes: [UInt8], _ name: String) throws {
            try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        }
        for (name, graph) in [
            ("scores", try scoreModel()), ("softmax", try softmaxModel()), ("detector", try detectorModel()),
            ("clip", try clipModel()), ("tensors", try tensorModel()), ("slow", try slowModel()),
            ("tiny", try tinyModel()),
        ] {
            try write(try graph.serialized(), name + ".onnx")
        }
        try write(Array("this is no image".utf8), "junk.jpg")
        try write(Array("this is no model".utf8), "junk.onnx")
        try write([], "empty.onnx")
        let picture = try noise(40, 30, 3, seed: 1)
        try write(try picture.encodedJPEG(), "picture.jpg")
        try write([UInt8](try Data(contentsOf: URL(fileURLWithPath: fixtures + "/lossy.webp"))), "picture.webp")
        let colour = try noise(37, 23, 3, seed: 2)
        try write(try colour.encodedPNG(), "colour.png")
        try write([UInt8](colour.bytes), "colour.rgb")
        let grey = try noise(37, 23, 1, seed: 3)
        try write(try grey.encodedPNG(), "grey.png")
        try write([UInt8](grey.bytes), "grey.raw")
        let small = try noise(9, 7, 3, seed: 4)
        try write(try small.encodedJPEG(), "small.jpg")
        try write(try small.encodedPNG(), "small.png")
        let white = try Image(width: 40, height: 20, channels: 3)
        white.bytes.update(repeating: 255)
        try write(try white.encodedPNG(), "white.png")
        // EXIF orientation 6: stored 40 × 20, upright 20 × 40.
        var turned = try white.encodedJPEG()
        let tiff: [UInt8] = [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]
        let body = Array("Exif\0\0".utf8) + tiff
        turned.insert(contentsOf: [0xFF, 0xE1, 0, UInt8(body.count + 2)] + body, at: 2)
        try write(turned, "turned.jpg")
        return folder
    }

    /// Images of every format, size and defect that the decoders are tested with.
    static let fixtures = Repository.root + "/Tests/LTImageTests/Fixtures/files"

    static func fixtureFiles() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: fixtures).sorted().map { fixtures + "/" + $0 }
    }

    static func noise(_ width: Int, _ height: Int, _ channels: Int, seed: UInt64) throws -> Image {
        var generator = SeededGenerator(seed: seed)
        let image = try Image(width: width, height: height, channels: channels)
        let base = (0..<channels).map { _ in generator.below(150) }
        for index in image.bytes.indices { image.bytes[index] = UInt8(base[index % channels] + generator.below(106)) }
        return image
    }

    /// Conv 3×3, Relu, Conv 3×3, residual, mean, MatMul on [N,3,16,16]. The softer the weights, the less the scores
    /// crowd at 0 and 1.
    private static func network(
        _ name: String, classes: Int, channels: Int = 8, seed: UInt64, scale: Double = 0.2
    ) throws -> Graph {
        var generator = SeededGenerator(seed: seed)
        var builder = GraphBuilder(name: name)
        func weight(_ name: String, _ dims: [Int]) throws -> String {
            let values = (0..<dims.reduce(1, *)).map { _ in Float(generator.normal() * scale) }
            return builder.initializer(name, try Tensor(values, dims))
        }
        let x = builder.input("image", .float32, ["N", 3, 16, 16])
        let w1 = try weight("w1", [channels, 3, 3, 3])
        let w2 = try weight("w2", [channels, channels, 3, 3])
        let v = try weight("v", [channels, classes])
        let pads: Attribute = .ints([1, 1, 1, 1])
        let first = builder.node("Relu", [builder.node("Conv", [x, w1], name: "conv1", attributes: ["pads": pads])])
        let second = builder.node("Conv", [first, w2], name: "conv2", attributes: ["pads": pads])
        let pooled = builder.node("GlobalAveragePool", [builder.node("Add", [second, first])])
        let flat = builder.node("Flatten", [pooled], attributes: ["axis": .int(1)])
        builder.output(builder.node("MatMul", [flat, v]), as: "logits", .float32, ["N", .fixed(classes)])
        return builder.graph
    }

    private static let squash = Preprocess(
        resize: .init(mode: .squash, size: .init(16)), mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])

    /// Several labels an image, with everything that a decision layer may have.
    private static func scoreModel() throws -> Graph {
        var graph = try network("scores", classes: 5, seed: 11)
        let names = ["alpha", "beta", "gamma", "delta", "épsilon"]
        try DecisionLayer(
            task: .multilabel, preprocess: squash,
            labels: zip([3, 1, 4, 15, 92], names).map { .init(id: $0, name: $1) },
            trainCounts: [500, 60, 60, 4, 1], groups: .db, activation: .sigmoid,
            calibration: Calibration(
                .platt(a: [-0.8, -1.1, -0.97, -1.3, -0.61], b: [0.1, -0.2, 0.3, -0.45, 0.05])),
            thresholds: Thresholds(objective: "f1", values: [0.125, 0.25, 0.375, nil, 0.625])
        ).write(into: &graph)
        return graph
    }

    private static func softmaxModel() throws -> Graph {
        var graph = try network("softmax", classes: 7, seed: 12)
        try DecisionLayer(
            task: .multiclass, preprocess: squash, labels: (0..<7).map { .init(id: $0, name: "class \($0)") },
            activation: .softmax,
            calibration: Calibration(
                .vector(w: [1, 0.9, 1.1, 0.8, 1.2, 1, 0.7], b: [0, 0.1, -0.1, 0.2, -0.2, 0.3, 0]))
        ).write(into: &graph)
        return graph
    }

    /// As small as a model can be that convolves.
    private static func tinyModel() throws -> Graph {
        var graph = try network("tiny", classes: 4, channels: 4, seed: 13)
        try DecisionLayer(
            task: .multilabel, preprocess: squash, labels: (0..<4).map { .init(id: $0, name: "\($0)") },
            activation: .sigmoid
        ).write(into: &graph)
        return graph
    }

    /// A detector as torchvision's are: one image of any size in, objects with masks out. The boxes are fixed parts of
    /// the image, the scores fixed shares of its mean.
    private static func detectorModel() throws -> Graph {
        var generator = SeededGenerator(seed: 14)
        var builder = GraphBuilder(name: "detector")
        let x = builder.input("image", .float32, [3, "H", "W"])
        let order = builder.initializer("order", try Tensor([2, 1, 2, 1] as [Int64]))
        let sides = builder.node("Gather", [builder.node("Shape", [x]), order])
        let size = builder.node("Cast", [sides], attributes: ["to": .int(Int64(ElementType.float32.rawValue))])
        let parts = builder.initializer(
            "parts", try Tensor([0.25, 0.5, 0.75, 1, 0, 0, 0.5, 0.25, 0, 0, 1, 1] as [Float], [3, 4]))
        builder.output(builder.node("Mul", [parts, size]), as: "boxes", .float32, ["K", 4])
        builder.output(builder.initializer("classes", try Tensor([2, 1, 2] as [Int64])), as: "labels", .int64, ["K"])
        let shares = builder.initializer("shares", try Tensor([0.5, 1, 0.25] as [Float]))
        let mean = builder.node("ReduceMean", [x], attributes: ["keepdims": .int(0)])
        builder.output(builder.node("Mul", [shares, mean]), as: "scores", .float32, ["K"])
        let shapes = (0..<3 * 49).map { _ in Float(0.25 + generator.uniform() * 0.75) }
        let masks = builder.initializer("shapes", try Tensor(shapes, [3, 1, 7, 7]))
        builder.output(masks, as: "masks", .float32, ["K", 1, 7, 7])
        var graph = builder.graph
        try DecisionLayer(
            task: .segmentation, preprocess: Preprocess(),
            labels: [.init(id: 1, name: "left"), .init(id: 2, name: "right")],
            calibration: Calibration(.platt(a: [-0.9, -1.2], b: [0.2, -0.1])),
            thresholds: Thresholds(objective: "f1", values: [0.4, nil])
        ).write(into: &graph)
        return graph
    }

    /// Clips of 4 frames: the mean of every frame's channels.
    private static func clipModel() throws -> Graph {
        var builder = GraphBuilder(name: "clip")
        let x = builder.input("clip", .float32, ["N", 3, 4, 8, 8])
        let means = builder.node("ReduceMean", [x], attributes: ["axes": .ints([3, 4]), "keepdims": .int(0)])
        builder.output(builder.node("Flatten", [means]), as: "scores", .float32, ["N", 12])
        var graph = builder.graph
        try DecisionLayer(
            task: .clip, preprocess: Preprocess(resize: .init(mode: .squash, size: .init(8))),
            clip: ClipSampling(frames: 4, sampling: .segments), activation: .softmax
        ).write(into: &graph)
        return graph
    }

    /// Two inputs, outputs of several types and ranks, no word about images.
    private static func tensorModel() throws -> Graph {
        var builder = GraphBuilder(name: "tensors")
        let a = builder.input("a", .float32, ["N", 3, 4, 5])
        let b = builder.input("b", .int64, ["K"])
        builder.output(builder.node("Add", [a, a]), as: "doubled", .float32, ["N", 3, 4, 5])
        builder.output(builder.node("Shape", [a]), as: "shape", .int64, [4])
        builder.output(a, as: "same", .float32, ["N", 3, 4, 5])
        builder.output(builder.node("ReduceSum", [a], attributes: ["keepdims": .int(0)]), as: "sum", .float32, [])
        builder.output(builder.node("Add", [b, b]), as: "twice", .int64, ["K"])
        let bytes = builder.node("Cast", [builder.node("Abs", [a])], attributes: ["to": .int(2)])
        builder.output(bytes, as: "small", .uint8, ["N", 3, 4, 5])
        return builder.graph
    }

    /// A long chain of matrix products: many short steps that take seconds together.
    private static func slowModel() throws -> Graph {
        var builder = GraphBuilder(name: "slow")
        var value = builder.input("x", .float32, [512, 512])
        let w = builder.initializer("w", try Tensor([Float](repeating: 0.001, count: 512 * 512), [512, 512]))
        for _ in 0..<1000 { value = builder.node("MatMul", [value, w]) }
        builder.output(value, as: "y", .float32, [512, 512])
        return builder.graph
    }
}
