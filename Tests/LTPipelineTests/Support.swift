// What pipeline tests share: a tiny model, folders of small images, the rows of a store.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage
import LTPipeline
import LTPredictions

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

    /// Writes a model of seeded weights: Conv 3×3, Relu, mean, Gemm to 4 outputs; its labels are w, x, y, z.
    func writeModel(_ name: String = "model.onnx", seed: UInt64 = 1, batch: LTGraph.Dimension = "N") throws -> String {
        var generator = SeededGenerator(seed: seed)
        var builder = GraphBuilder(name: "tiny")
        func weight(_ name: String, _ dims: [Int]) throws -> String {
            let count = dims.reduce(1, *)
            return builder.initializer(name, try Tensor((0..<count).map { _ in Float(generator.normal()) }, dims))
        }
        let x = builder.input("image", .float32, [batch, 3, 16, 16])
        let (w, v) = (try weight("w", [8, 3, 3, 3]), try weight("v", [8, 4]))
        let conv = builder.node("Conv", [x, w], attributes: ["pads": .ints([1, 1, 1, 1])])
        let pooled = builder.node("GlobalAveragePool", [builder.node("Relu", [conv])])
        let flat = builder.node("Flatten", [pooled], attributes: ["axis": .int(1)])
        builder.output(builder.node("MatMul", [flat, v]), as: "logits", .float32, [batch, 4])
        var graph = builder.graph
        try DecisionLayer(
            task: .multilabel, preprocess: Preprocess(resize: .init(mode: .squash, size: .init(16))),
            labels: ["w", "x", "y", "z"].enumerated().map { .init(id: $0.offset, name: $0.element) },
            activation: .sigmoid
        ).write(into: &graph)
        let path = file(name)
        try graph.write(to: path)
        return path
    }

    /// Writes `count` different JPEG files `prefix000.jpg`, ….
    func writeImages(_ count: Int, _ prefix: String = "images/") throws {
        for number in 0..<count { try write(try jpeg(number), prefix + String(format: "%03d.jpg", number)) }
    }
}

func jpeg(_ seed: Int, width: Int = 24, height: Int = 20) throws -> [UInt8] {
    var generator = SeededGenerator(seed: 99, index: UInt64(seed))
    let image = try Image(width: width, height: height, channels: 3)
    let base = (0..<3).map { _ in generator.below(200) }
    for index in image.bytes.indices { image.bytes[index] = UInt8(base[index % 3] + generator.below(56)) }
    return try image.encodedJPEG(quality: 90)
}

func rows(_ path: String) throws -> [StoredImage] {
    var rows: [StoredImage] = []
    try PredictionStore.read(path).forEach { rows.append($0) }
    return rows
}

func run(
    _ model: String, _ images: [String], out: String, batch: Int? = 4, threads: Int = 2, sessions: Int = 1,
    shard: (Int, Int)? = nil, restart: Bool = false, isCancelled: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (PipelineSummary) -> Void = { _ in }
) throws(LTError) -> PipelineSummary {
    var options = PipelineOptions(out: out)
    options.batch = batch
    options.threads = threads
    options.sessions = sessions
    options.restart = restart
    let sources = ImageSources(paths: images, shard: shard.map { (index: $0.0, count: $0.1) })
    return try Pipeline.run(
        model: model, images: sources, options: options, progress: progress, isCancelled: isCancelled)
}

func code(_ body: () throws -> Void) -> LTError.Code? {
    do { try body() } catch { return (error as? LTError)?.code }
    return nil
}
