// What the tools are run on: a tiny model with a self-test, small images, models that are wrong in one way each.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage

/// A folder of its own that goes away with the test.
final class TemporaryFolder {
    let path: String
    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/lt-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func file(_ name: String) -> String { path + "/" + name }

    func write(_ bytes: [UInt8], _ name: String) throws {
        let path = file(name)
        let parent = URL(fileURLWithPath: path).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    func writeJPEG(_ seed: Int, _ name: String) throws {
        var generator = SeededGenerator(seed: 7, index: UInt64(seed))
        let image = try Image(width: 40, height: 30, channels: 3)
        let base = (0..<3).map { _ in generator.below(200) }
        for index in image.bytes.indices { image.bytes[index] = UInt8(base[index % 3] + generator.below(56)) }
        try write(try image.encodedJPEG(quality: 90), name)
    }

    /// Conv 3×3, Relu, mean, MatMul to 4 outputs on [N,3,16,16]. The self-test's input is zeros, so its outputs are too.
    func writeTinyModel(_ name: String = "model.onnx", seed: UInt64 = 1, testOffset: Float = 0) throws -> String {
        var graph = try tinyGraph(seed: seed)
        let zeros = SelfTest.Value(name: "image", shape: [1, 3, 16, 16], values: [Float](repeating: 0, count: 768))
        let output = SelfTest.Value(name: "logits", shape: [1, 4], values: [testOffset, 0, 0, 0])
        try DecisionLayer(
            task: .multilabel, preprocess: Preprocess(resize: .init(mode: .squash, size: .init(16))),
            labels: ["w", "x", "y", "z"].enumerated().map { .init(id: $0.offset, name: $0.element) },
            activation: .sigmoid, selfTest: SelfTest(input: .tensors([zeros]), outputs: [output])
        ).write(into: &graph)
        try graph.write(to: file(name))
        return file(name)
    }

    private func tinyGraph(seed: UInt64) throws -> Graph {
        var generator = SeededGenerator(seed: seed)
        var builder = GraphBuilder(name: "tiny")
        func weight(_ name: String, _ dims: [Int]) throws -> String {
            let count = dims.reduce(1, *)
            return builder.initializer(name, try Tensor((0..<count).map { _ in Float(generator.normal()) }, dims))
        }
        let x = builder.input("image", .float32, ["N", 3, 16, 16])
        let (w, v) = (try weight("w", [8, 3, 3, 3]), try weight("v", [8, 4]))
        let conv = builder.node("Conv", [x, w], name: "conv", attributes: ["pads": .ints([1, 1, 1, 1])])
        let pooled = builder.node("GlobalAveragePool", [builder.node("Relu", [conv])])
        let flat = builder.node("Flatten", [pooled], attributes: ["axis": .int(1)])
        builder.output(builder.node("MatMul", [flat, v]), as: "logits", .float32, ["N", 4])
        return builder.graph
    }

    /// Models that must be refused: file name → words of the error.
    func writeBadModels() throws -> [String: String] {
        var words: [String: String] = [:]
        func add(_ name: String, _ expected: String, _ change: (inout Graph) throws -> Void) throws {
            var graph = try tinyGraph(seed: 1)
            try DecisionLayer(preprocess: Preprocess(resize: .init(mode: .squash, size: .init(16)))).write(into: &graph)
            try change(&graph)
            try write(try graph.serialized(), name)
            words[name] = expected
        }
        try add("missing-input.onnx", "conv") { $0.nodes[0].inputs[1] = "nowhere" }
        try add("unknown-operator.onnx", "Frobnicate") { $0.nodes[1].opType = "Frobnicate" }
        try add("wrong-rank.onnx", "conv") { $0.initializers["w"] = try Tensor([Float](repeating: 0, count: 27), [27]) }
        try add("cycle.onnx", "cycle") { $0.nodes[0].inputs[0] = $0.nodes[1].outputs[0] }
        try add("channels.onnx", "conv") {
            $0.initializers["w"] = try Tensor([Float](repeating: 0, count: 8 * 4 * 9), [8, 4, 3, 3])
        }
        try add("huge.onnx", "elements") {
            $0.nodes.insert(
                Node("ConstantOfShape", inputs: ["dims"], outputs: ["big"]), at: 0)
            $0.initializers["dims"] = try Tensor([1 << 40, 1 << 40] as [Int64])
            $0.nodes.append(Node("ReduceSum", inputs: ["big"], outputs: ["sum"]))
            $0.outputs.append(ValueInfo("sum", .float32, []))
        }
        try write(Array("this is no model".utf8), "text.onnx")
        words["text.onnx"] = "text.onnx"
        try write([], "empty.onnx")
        words["empty.onnx"] = "empty.onnx"
        return words
    }
}
