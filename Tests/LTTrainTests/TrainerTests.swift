// Whole runs on twelve small images: resumed runs give the same bytes, exported files are complete, bad input is named.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage
import LTTrain
import Testing

let testRecipe = """
    train: {annotations: train.json, images: train}
    network: {name: resnet, blocks: [1, 1], width: 4, stem: {kernel: 3, stride: 2, max_pool: false}, pool: max, pfc: 8}
    sampler: {name: class-aware}
    loss: {name: distribution-balanced}
    optimizer: {name: sgd, lr: 0.05, momentum: 0.9, weight_decay: 1e-4, clip_norm: 35}
    schedule: {name: cosine, warmup: {iterations: 3, ratio: 0.1}}
    iterations: 12
    batch: 4
    input: {size: 16}
    augment: {photometric: {}, crop: {}, flip: 0.5}
    checkpoint_every: 5
    seed: 3
    """

@Suite struct TrainerTests {
    static func trainer(_ overrides: [String] = [], out: String, _ change: (inout Trainer.Options) -> Void = { _ in })
        throws
        -> Trainer
    {
        var options = Trainer.Options(out: out)
        options.silent = true
        change(&options)
        return try Trainer(
            try Recipe(yaml: testRecipe, overrides: overrides), training: Fixtures.trainingSet, options: options)
    }

    static func bytes(_ folder: String, _ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: folder).appendingPathComponent(name))
    }

    @Test func resumedRunsGiveTheSameBytes() throws {
        let whole = Fixtures.temporary()
        let parts = Fixtures.temporary()
        defer { for folder in [whole, parts] { try? FileManager.default.removeItem(atPath: folder) } }
        #expect(try Self.trainer(out: whole).run())
        #expect(try !Self.trainer(out: parts) { $0.stopAfter = 7 }.run())
        #expect(!FileManager.default.fileExists(atPath: parts + "/model.onnx"))
        #expect(
            try Self.trainer(out: parts) {
                $0.resume = true
            }.run())
        for name in ["checkpoint.safetensors", "log.csv", "model.onnx"] {
            #expect(try Self.bytes(whole, name) == Self.bytes(parts, name), "\(name)")
        }
        #expect(String(decoding: try Self.bytes(whole, "log.csv"), as: UTF8.self).split(separator: "\n").count == 13)
    }

    @Test func resumingWithAnotherRecipeIsRefused() throws {
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Self.trainer(out: folder) { $0.stopAfter = 2 }.run()
        let error = #expect(throws: LTError.self) {
            try Self.trainer(["optimizer.lr=0.1"], out: folder) { $0.resume = true }.run()
        }
        #expect(error?.code == .conflict)
        let missing = #expect(throws: LTError.self) {
            try Self.trainer(out: folder + "-none") { $0.resume = true }.run()
        }
        #expect(missing?.code == .notFound)
    }

    @Test func theExportedFileIsComplete() throws {
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let trainer = try Self.trainer(out: folder)
        try trainer.run()
        let graph = try Graph.read(path: trainer.modelPath)
        try graph.check()
        #expect(graph.opset == 17 && graph.isCheckable)
        let layer = try DecisionLayer(reading: graph)
        #expect(layer.task == .multilabel && layer.activation == .sigmoid && layer.groups == .db)
        #expect(layer.labels?.map(\.name) == ["red", "green", "blue"])
        #expect(layer.trainCounts == Fixtures.trainingSet.counts.images)
        #expect(layer.provenance?.loss == "distribution-balanced" && layer.provenance?.seed == 3)
        let selfTest = try #require(layer.selfTest)
        guard case .images(let files) = selfTest.input, files.count == 1 else {
            Issue.record("the self-test's input is no image")
            return
        }
        // The file alone: preprocessing from its metadata, weights from its initializers.
        let preprocess = try Preprocess(json: try #require(graph.metadata["lt.preprocess"]))
        let input = try files[0].withUnsafeBytes { try preprocess.tensor($0).0 }
        let executor = try TorchExecutor(graph)
        let logits = try executor.run(
            try TorchTensor(try input.reshaped(Shape([1] + input.dims))), mode: .inference)
        try selfTest.check(output: "logits", shape: logits.dims, values: try logits.array(of: Float.self))
    }

    @Test func trainingLowersTheLoss() throws {
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let overrides = [
            "iterations=120", "augment={}", "network.pfc=0", "loss={name: bce}", "sampler={name: uniform}",
        ]
        try Self.trainer(overrides, out: folder).run()
        let losses = String(decoding: try Self.bytes(folder, "log.csv"), as: UTF8.self).split(separator: "\n")
            .dropFirst()
            .compactMap { Double($0.split(separator: ",")[2]) }
        #expect(losses.count == 120)
        let first: Double = losses.prefix(6).reduce(0, +)
        let last: Double = losses.suffix(6).reduce(0, +)
        #expect(last < 0.25 * first)
    }

    @Test func frozenPartsStayAndOthersMove() throws {
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let trainer = try Self.trainer(
            ["freeze={parameters: [conv1.*, bn1.*, layer1.*], batch_norm: true}"], out: folder)
        let before = try trainer.export().initializers
        try trainer.run()
        let after = try trainer.export().initializers
        for (name, tensor) in before where tensor.type == .float32 && tensor.shape.rank > 0 {
            let frozen =
                ["conv1.", "bn1.", "layer1."].contains { name.hasPrefix($0) } || name.contains("running")
            #expect(try (tensor.array(of: Float.self) == after[name]?.array(of: Float.self)) == frozen, "\(name)")
        }
    }

    @Test func initialWeightsComeByName() throws {
        let first = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: first) }
        let source = try Self.trainer(out: first)
        try source.run()
        let start = "init={from: \(source.modelPath), reset: [fc.*]}"
        let weights = try Self.trainer([start, "seed=8"], out: first + "-b").export().initializers
        let trained = try source.export().initializers
        #expect(
            try weights["layer2.0.conv1.weight"]?.array(of: Float.self)
                == trained["layer2.0.conv1.weight"]?.array(of: Float.self))
        #expect(try weights["fc.weight"]?.array(of: Float.self) != trained["fc.weight"]?.array(of: Float.self))
        // The file's graph itself, without a network section.
        let same = try Self.trainer(["network=null", "init={from: \(source.modelPath)}"], out: first + "-c")
        #expect(
            try same.export().initializers["fc.weight"]?.array(of: Float.self)
                == trained["fc.weight"]?.array(of: Float.self))

        let wider = #expect(throws: LTError.self) {
            try Self.trainer(["init={from: \(source.modelPath)}", "network.width=8"], out: first)
        }
        #expect(wider?.code == .shapeMismatch && wider?.message.contains("conv1.weight is [") ?? false)
        let other = #expect(throws: LTError.self) {
            try Self.trainer(["init={from: \(source.modelPath)}", "network.blocks=[1, 2]"], out: first)
        }
        #expect(other?.message.contains("'layer2.1.conv1.weight'") ?? false)
        let pattern = #expect(throws: LTError.self) {
            try Self.trainer(["init={from: \(source.modelPath), reset: [head.*]}"], out: first)
        }
        #expect(pattern?.message.contains("'head.*' matches no weight") ?? false)
    }

    /// `network: model.onnx`, and weights from a checkpoint's safetensors file.
    @Test func filesAreNetworksAndWeights() throws {
        let first = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: first) }
        let source = try Self.trainer(out: first)
        try source.run()
        func fc(_ trainer: Trainer) throws -> [Float]? {
            try trainer.export().initializers["fc.weight"]?.array(of: Float.self)
        }
        let trained = try fc(source)
        let whole = try Self.trainer(
            ["network=\(source.modelPath)", "freeze={parameters: [conv1.*]}"], out: first + "-b")
        #expect(try fc(whole) == trained && whole.notes.isEmpty)
        let section = "network={name: onnx, path: \(source.modelPath), reset_head: true}"
        let fresh = try Self.trainer([section], out: first + "-c")
        #expect(try fc(fresh) != trained)
        #expect(fresh.notes.contains { $0.contains("replaced by a fresh one of 3") })
        let loaded = try Self.trainer(["init={from: \(first)/checkpoint.safetensors}", "seed=8"], out: first + "-d")
        #expect(try fc(loaded) == trained)
        #expect(loaded.notes.contains { $0.contains("not used: 'optimizer/") })
        let prefixed = #expect(throws: LTError.self) {
            try Self.trainer(["init={from: \(first)/checkpoint.safetensors, prefix: backbone.}"], out: first + "-e")
        }
        #expect(prefixed?.message.contains("begins with 'backbone.'") ?? false)
    }

    @Test func divergenceStopsWithTheIterationAndAHint() throws {
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let error = #expect(throws: LTError.self) {
            try Self.trainer(
                [
                    "optimizer={name: sgd, lr: 1000}", "schedule={name: constant}", "checkpoint_every=1",
                    "iterations=200",
                ],
                out: folder
            ).run()
        }
        #expect(error?.code == .notFinite)
        #expect(error?.context.last?.hasPrefix("iteration ") ?? false)
        #expect(error?.hint?.contains("optimizer.lr") ?? false)
        let checkpoint = try Checkpoint.read(folder + "/checkpoint.safetensors")
        #expect(checkpoint.iteration > 0)
    }

    @Test func badInputIsNamed() throws {
        let out = Fixtures.temporary()
        func fails(_ overrides: [String], _ set: TrainingSet = Fixtures.trainingSet) throws -> String {
            let error = #expect(throws: LTError.self) {
                var options = Trainer.Options(out: out)
                options.silent = true
                try Trainer(try Recipe(yaml: testRecipe, overrides: overrides), training: set, options: options).run()
            }
            return error?.description ?? ""
        }
        #expect(try fails(["freeze={parameters: [stem.*]}"]).contains("'stem.*' matches no initializer"))
        #expect(
            try fails(["freeze={batch_norm: [bn9.*]}"]).contains("freeze.batch_norm: 'bn9.*' matches no batch normal"))
        #expect(try fails(["freeze={parameters: ['*']}"]).contains("leaves nothing to train"))
        #expect(try fails(["loss={name: softmax-ce}"]).contains("00.png has 2 classes"))
        #expect(
            try fails(["loss={name: dice}"]).contains("loss.name: 'dice', expected one of asymmetric, bacl"))
        var set = Fixtures.trainingSet
        set.labels.append(DecisionLayer.Label(id: 9, name: "violet"))
        #expect(try fails([], set).contains("class 'violet' is in 0 of 12 training images"))
        set = Fixtures.trainingSet
        set.samples[3] = .file("/nowhere/3.png")
        #expect(try fails([], set).contains("/nowhere/3.png"))
        set = Fixtures.trainingSet
        set.samples[5] = .file(#filePath)
        #expect(try fails([], set).contains(#filePath))
    }

    @Test func damagedCheckpointsAreErrors() throws {
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Self.trainer(out: folder) { $0.stopAfter = 1 }.run()
        let good = try Self.bytes(folder, "checkpoint.safetensors")
        let path = folder + "/damaged"
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<200 {
            var bytes = good.prefix(generator.below(2) == 0 ? generator.below(good.count) : good.count)
            for _ in 0..<3 where !bytes.isEmpty {
                bytes[generator.below(min(bytes.count, 3000))] = UInt8(generator.below(256))
            }
            try bytes.write(to: URL(fileURLWithPath: path))
            do { _ = try Checkpoint.read(path) } catch { #expect(error.context.count == 1) }
        }
    }
}
