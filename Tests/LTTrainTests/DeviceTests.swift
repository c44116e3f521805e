// Devices that are not there, and bfloat16 against float32.

import Foundation
import LTCore
import LTGraph
import LTTrain
import Testing

@Suite struct DeviceTests {
    @Test func devicesByName() throws {
        #expect(try TorchDevice(named: "cpu") == .cpu)
        for name in ["gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:0:1", "CPU", ""] {
            let error = #expect(throws: LTError.self) { try TorchDevice(named: name) }
            #expect(error?.code == .invalidArgument, "\(name)")
        }
        // No machine has so many.
        let error = #expect(throws: LTError.self) { try TorchDevice(named: "cuda:1000") }
        #expect(error?.code == .unsupported && error?.message.contains("libtorch \(Torch.version)") ?? false)
        let recipe = testRecipe.replacingOccurrences(of: "seed: 3", with: "seed: 3\ndevice: cuda:1000")
        let trainer = #expect(throws: LTError.self) {
            try Trainer(
                try Recipe(yaml: recipe), training: Fixtures.trainingSet,
                options: Trainer.Options(out: Fixtures.temporary()))
        }
        #expect(trainer?.context.contains("device") ?? false)
    }

    /// A recipe with bf16 runs where the processor has the instructions and is refused elsewhere.
    @Test func bfloat16NeedsTheHardware() throws {
        let flags = String(decoding: FileManager.default.contents(atPath: "/proc/cpuinfo") ?? Data(), as: UTF8.self)
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        if flags.contains("avx512_bf16") {
            let trainer = try TrainerTests.trainer(["precision=bf16", "iterations=3"], out: folder)
            try trainer.run()
            // Master weights and what is exported stay float32.
            let checkpoint = try Checkpoint.read(folder + "/checkpoint.safetensors")
            #expect(checkpoint.tensors["conv1.weight"]?.type == .float32)
            #expect(checkpoint.tensors["optimizer/momentum/conv1.weight"]?.type == .float32)
        } else {
            let error = #expect(throws: LTError.self) { try TrainerTests.trainer(["precision=bf16"], out: folder) }
            #expect(error?.code == .unsupported && error?.message.contains("AVX512_BF16") ?? false)
        }
    }

    /// With batch statistics gradients are small differences of large numbers: they are compared without.
    @Test(arguments: [false, true]) func bfloat16IsCloseToFloat32(frozen: Bool) throws {
        var generator = SeededGenerator(seed: 5)
        let graph = try CIFARResNet(depth: 14).graph(classes: 8, inputSize: 32, generator: &generator)
        let count = 8 * 3 * 32 * 32
        let images = try TorchTensor((0..<count).map { _ in Float(generator.normal()) }, [8, 3, 32, 32]).channelsLast()
        var logits: [[Float]] = []
        var gradients: [[Float]] = []
        for precision in [TrainingPrecision.fp32, .bf16] {
            let executor = try TorchExecutor(graph, precision: precision)
            for name in executor.trainableNames { try executor.initializers[name]?.setRequiresGrad(true) }
            let output = try executor.run(images, mode: TorchMode(training: true, frozenBatchNorm: frozen))
            #expect(output.type == .float32)
            logits.append(try output.array())
            try (output * output).mean().backward()
            let gradient = try #require(try executor.initializers["layer2.0.conv1.weight"]?.grad())
            #expect(gradient.type == .float32)
            gradients.append(try gradient.array())
            // Evaluation computes in float32 whatever training does.
            #expect(try executor.run(images, mode: .inference).type == .float32)
        }
        #expect(logits[0] != logits[1])
        #expect(Self.distance(logits[1], logits[0]) < 0.03)
        if frozen { #expect(Self.distance(gradients[1], gradients[0]) < 0.03) }
    }

    /// What comes from a convolution in bfloat16 goes through a transposed one, as in a mask head.
    @Test func transposedConvolutionsFollowBfloat16() throws {
        var generator = SeededGenerator(seed: 6)
        func random(_ dims: [Int]) throws -> Tensor {
            try Tensor((0..<dims.reduce(1, *)).map { _ in Float(generator.normal()) }, dims)
        }
        var builder = GraphBuilder(name: "head")
        let x = builder.input("x", .float32, [2, 4, 5, 5])
        let features = builder.node("Conv", [x, builder.initializer("a.weight", try random([6, 4, 1, 1]))])
        let doubled = builder.node(
            "ConvTranspose",
            [
                features, builder.initializer("b.weight", try random([6, 3, 2, 2])),
                builder.initializer("b.bias", try random([3])),
            ], attributes: ["strides": .ints([2, 2])])
        builder.output(doubled, as: "y", .float32, [2, 3, 10, 10])
        let input = try TorchTensor(try random([2, 4, 5, 5]))
        var results: [[Float]] = []
        for precision in [TrainingPrecision.fp32, .bf16] {
            let executor = try TorchExecutor(builder.graph, precision: precision)
            for name in executor.trainableNames { try executor.initializers[name]?.setRequiresGrad(true) }
            let output = try executor.run(input, mode: TorchMode(training: true))
            try (output * output).mean().backward()
            let gradient = try #require(try executor.initializers["b.weight"]?.grad())
            #expect(gradient.type == .float32)
            results.append(try output.array() + gradient.array())
        }
        #expect(results[0] != results[1] && Self.distance(results[1], results[0]) < 0.03)
    }

    /// |a − b| / |b|.
    static func distance(_ a: [Float], _ b: [Float]) -> Double {
        let difference: Double = zip(a, b).map { Double(($0 - $1) * ($0 - $1)) }.reduce(0, +)
        let norm: Double = b.map { Double($0 * $0) }.reduce(0, +)
        return (difference / norm).squareRoot()
    }
}
