// Classifiers of ONNX files as networks: a new last layer in every form, what stays, what is refused; outputs of residual
// networks against torchvision's (Utilities/fixtures/networks.py).

import Foundation
import LTCore
import LTGraph
import LTTrain
import Testing

@Suite struct ONNXNetworkTests {
    /// The numbers of networks.py.
    static func numbers(_ count: Int, _ stream: Int) -> [Double] {
        (0..<count).map { index in
            var h = (UInt64(index) &* 2_654_435_761 &+ UInt64(stream) &* 40503 &+ 12345) & 0xFFFF_FFFF
            h ^= h >> 15
            h = (h &* 2_246_822_519) & 0xFFFF_FFFF
            h ^= h >> 13
            return Double(h) / 4_294_967_296
        }
    }

    static func filled(_ graph: Graph, _ names: [String]) throws -> Graph {
        var graph = graph
        for (stream, name) in names.enumerated() {
            let dims = try #require(graph.initializers[name], "\(name)").dims
            let isScale = dims.count == 1 && name.hasSuffix("weight")
            let scale = 2 * (6 / Double(dims.dropFirst().reduce(1, *))).squareRoot()
            let values = numbers(dims.reduce(1, *), stream).map {
                name.hasSuffix("running_var") || isScale
                    ? 0.5 + $0 : dims.count == 1 ? 0.4 * ($0 - 0.5) : ($0 - 0.5) * scale
            }
            graph.initializers[name] = try Tensor(values.map { Float($0) }, dims)
        }
        return graph
    }

    @Test func residualNetworksEqualTorchvision() throws {
        for entry in try Fixtures.cases("networks.json") {
            let name = try #require(entry["case"] as? String)
            var network = try ResNet(depth: name == "resnet18" ? 18 : 50, width: 8)
            if name == "resnext50" {
                network.groups = 2
                network.widthPerGroup = 32
            }
            let names = try #require(entry["names"] as? [String])
            let graph = try Self.filled(try NetworkTests.graph(network, classes: 7, size: 40), names)
            let executor = try TorchExecutor(graph, precision: .fp64)
            #expect(Set(executor.trainableNames + executor.statisticNames) == Set(names))
            let input = Self.numbers(3 * 3 * 40 * 40, 1000).map { Double(Float($0 * 2 - 1)) }
            let x = try TorchTensor(input, [3, 3, 40, 40])
            let evaluated = try executor.run(x, mode: .inference).array(of: Double.self)
            #expect(deviation(evaluated, flat(entry["eval"])) < 1e-6, "\(name)")
            let weight = try #require(executor.initializers["conv1.weight"])
            try weight.setRequiresGrad(true)
            let trained = try executor.run(x, mode: TorchMode(training: true))
            #expect(deviation(try trained.array(of: Double.self), flat(entry["train"])) < 1e-6, "\(name)")
            try (trained * trained).sum().backward()
            let gradient = try #require(try weight.grad()).array(of: Double.self)
            #expect(deviation(Array(gradient.prefix(32)), flat(entry["grad_conv1"])) < 1e-5, "\(name)")
        }
    }

    /// conv → relu → pool → a linear layer of five classes in some form.
    static func classifier(_ form: String, batch: LTGraph.Dimension = "N") throws -> Graph {
        var generator = SeededGenerator(seed: 4)
        func random(_ dims: [Int]) throws -> Tensor {
            try Tensor((0..<dims.reduce(1, *)).map { _ in Float(generator.normal() * 0.3) }, dims)
        }
        var b = GraphBuilder(name: form)
        let x = b.input("data", .float32, [batch, 3, 16, 16])
        let kernel = b.initializer("conv.weight", try random([6, 3, 3, 3]))
        var y = b.node("Relu", [b.node("Conv", [x, kernel], attributes: ["strides": .ints([2, 2])])])
        if form == "conv" {
            let weight = b.initializer("head.weight", try random([5, 6, 1, 1]))
            let bias = b.initializer("head.bias", try random([5]))
            y = b.node("Relu", [b.node("Conv", [y, weight, bias])])
            y = b.node("GlobalAveragePool", [y])
            y = b.node("Reshape", [y, b.initializer("shape", try Tensor([Int64(-1), 5]))])
        } else {
            y = b.node("GlobalAveragePool", [y])
            let sizes: [Int64] = batch.fixed.map { [Int64($0), 6] } ?? [0, -1]
            y = b.node("Reshape", [y, b.initializer("shape", try Tensor(sizes))])
            switch form {
            case "gemm":
                let weight = b.initializer("head.weight", try random([5, 6]))
                let bias = b.initializer("head.bias", try random([5]))
                y = b.node("Gemm", [y, weight, bias], attributes: ["transB": .int(1)])
            case "gemm-columns":
                y = b.node("Gemm", [y, b.initializer("head.weight", try random([6, 5]))])
            default:
                y = b.node("MatMul", [y, b.initializer("head.weight", try random([6, 5]))])
                y = b.node("Add", [b.initializer("head.bias", try random([1, 5])), y])
                y = b.node("Softmax", [y])
            }
        }
        b.output(y, as: "probabilities", .float32, [batch, 5])
        return b.graph
    }

    static func network(_ graph: Graph, classes: Int, size: Int = 16, adjust: (inout ONNXNetwork) -> Void = { _ in })
        throws -> (graph: Graph, notes: [String])
    {
        let path = Fixtures.temporary() + ".onnx"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try graph.write(to: path)
        var network = ONNXNetwork(path: path)
        adjust(&network)
        var request = NetworkRequest(classes: classes, inputSize: size, generator: SeededGenerator(seed: 3))
        let result = try network.graph(&request)
        try result.check()
        return (result, request.notes)
    }

    @Test(arguments: ["gemm", "gemm-columns", "matmul", "conv"]) func otherClassesGetAFreshLayer(_ form: String) throws
    {
        let source = try Self.classifier(form)
        let (graph, notes) = try Self.network(source, classes: 3)
        #expect(graph.outputs.map(\.name) == ["logits"])
        #expect(graph.outputs.first?.type == .tensor(.float32, ["N", 3]))
        #expect(notes.contains { $0.contains("of 5 classes was replaced by a fresh one of 3") })
        #expect(notes.contains { $0.contains("Softmax") } == (form == "matmul"))
        let weights = try #require(graph.initializers["head.weight"])
        #expect(weights.count == 18)
        #expect(
            try graph.initializers["conv.weight"]?.array(of: Float.self)
                == source.initializers["conv.weight"]?.array(of: Float.self))
        // The classes that fit keep their layer.
        let (same, none) = try Self.network(source, classes: 5)
        #expect(
            try same.initializers["head.weight"]?.array(of: Float.self)
                == source.initializers["head.weight"]?.array(of: Float.self))
        #expect(!none.contains { $0.contains("fresh") })
        let (reset, _) = try Self.network(source, classes: 5) { $0.resetsHead = true }
        #expect(
            try reset.initializers["head.weight"]?.array(of: Float.self)
                != source.initializers["head.weight"]?.array(of: Float.self))
    }

    @Test func aFixedBatchBecomesDynamic() throws {
        let (graph, _) = try Self.network(try Self.classifier("gemm", batch: 1), classes: 3)
        #expect(graph.inputs.first?.type == .tensor(.float32, ["N", 3, 16, 16]))
    }

    @Test func mistakesAreNamed() throws {
        // A head that only takes images of one size.
        var b = GraphBuilder(name: "fixed")
        let x = b.input("x", .float32, ["N", 3, 4, 4])
        let weight = b.initializer("w", try Tensor([Float](repeating: 1, count: 96), [2, 48]))
        b.output(
            b.node("Gemm", [b.node("Flatten", [x]), weight], attributes: ["transB": .int(1)]), as: "y", .float32,
            ["N", 2])
        let size = #expect(throws: LTError.self) { try Self.network(b.graph, classes: 2, size: 8) }
        #expect(size?.hint?.contains("images of 8 pixels") ?? false)
        var q = GraphBuilder(name: "quantised")
        let z = q.input("x", .float32, ["N", 3, 4, 4])
        let scale = q.initializer("scale", try Tensor(scalar: Float(0.1)))
        q.output(q.node("QuantizeLinear", [z, scale], name: "q"), as: "y", .uint8, ["N", 3, 4, 4])
        let quantised = #expect(throws: LTError.self) { try TorchExecutor(q.graph) }
        #expect(quantised?.message.contains("a quantised model cannot be trained") ?? false)
    }

    /// Constants, masks and scalars are no weights; an equal weight that the exporter merged gets its own copy.
    @Test func whatIsTrained() throws {
        var b = GraphBuilder(name: "g")
        let x = b.input("x", .float32, ["N", 4])
        let scale = b.node(
            "Constant", [], name: "scale", attributes: ["value": .tensor(try Tensor([Float(1), 2, 3, 4]))])
        let epsilon = b.initializer("epsilon", try Tensor(scalar: Float(1e-5)))
        let mask = b.initializer("mask", try Tensor([Float(0), -100, 0, -100]))
        let merged = b.initializer("merged", try Tensor([Float(1), 1, 1, 1]))
        let again = b.node("Identity", [merged], name: "again")
        let limit = b.initializer("limit", try Tensor([Float(2), 2, 2, 2]))
        var y = b.node("Mul", [b.node("Add", [b.node("Mul", [x, scale]), epsilon]), merged])
        y = b.node("Mul", [b.node("Add", [y, mask]), again])
        y = b.node("Where", [b.node("Less", [y, limit]), y, x])
        b.output(y, as: "y", .float32, ["N", 4])
        let executor = try TorchExecutor(b.graph)
        #expect(Set(executor.trainableNames) == ["scale", "merged", "again"])
        let out = try executor.run(try TorchTensor([Float(1), 1, 1, 1], [1, 4]), mode: .inference)
        #expect(try out.array(of: Float.self).map { ($0 * 1000).rounded() / 1000 } == [1, -98, 1, -96])
        try executor.exported().check()
    }
}
