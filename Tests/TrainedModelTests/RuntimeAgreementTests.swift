// The trainer's arithmetic against the runtime's on the same graphs: whole networks and single operators.

import LTCore
import LTGraph
import LTRuntime
import LTTrain
import Testing

@Suite struct RuntimeAgreementTests {
    /// Normal numbers.
    static func normal(_ dims: [Int], seed: UInt64, scale: Double = 1, offset: Double = 0) throws -> Tensor {
        var generator = SeededGenerator(seed: seed)
        return try Tensor((0..<dims.reduce(1, *)).map { _ in Float(generator.normal() * scale + offset) }, dims)
    }

    /// The graph with weights and statistics that are not those of a fresh network.
    static func shaken(_ graph: Graph) throws -> Graph {
        var graph = graph
        for (index, name) in graph.initializers.keys.enumerated() {
            guard let tensor = graph.initializers[name], tensor.type == .float32, tensor.shape.rank > 0 else {
                continue
            }
            var generator = SeededGenerator(seed: 11, index: UInt64(index))
            let isVariance = name.hasSuffix("running_var")
            let values = try tensor.array(of: Float.self).map {
                isVariance ? Float(generator.uniform(0.5...2)) : $0 + Float(generator.normal()) * 0.05
            }
            graph.initializers[name] = try Tensor(values, tensor.dims)
        }
        return graph
    }

    /// The greatest difference over the greatest output, for each backend.
    static func disagreement(_ graph: Graph, _ input: Tensor) throws -> [Float] {
        let executor = try TorchExecutor(graph)
        let trained = try executor.run(try TorchTensor(input).channelsLast(), mode: .inference)
        let expected = try trained.array(of: Float.self)
        let scale = expected.map(abs).max() ?? 1
        let name = try #require(graph.runtimeInputs.first?.name)
        let output = try #require(graph.outputs.first?.name)
        return try BackendTable.all.map { backend in
            let session = try Session(Plan(graph, on: backend, options: PlanOptions(threads: 1)))
            let result = try #require(try session.run([name: input])[output])
            #expect(result.dims == trained.dims)
            let values = try result.array(of: Float.self)
            #expect(values.count == expected.count && expected.allSatisfy(\.isFinite))
            return zip(values, expected).map { abs($0 - $1) }.reduce(0, max) / max(scale, 1e-6)
        }
    }

    @Test(arguments: ["cifar", "cosine", "small", "resnet18", "bottleneck", "resnext", "resnext3d"])
    func networksAgree(_ name: String) throws {
        var generator = SeededGenerator(seed: 5)
        let graph: Graph
        var size = 32
        switch name {
        case "cifar": graph = try CIFARResNet(depth: 20).graph(classes: 10, inputSize: 32, generator: &generator)
        case "cosine":
            let section = try RecipeSection(yaml: "{depth: 8, classifier: cosine}")
            graph = try CIFARResNet(section).graph(classes: 10, inputSize: 32, generator: &generator)
        case "resnext3d":
            let section = try RecipeSection(yaml: "{depth: 50, width: 8, cardinality: 4, frames: 4}")
            graph = try ResNeXt3D(section).graph(classes: 5, inputSize: 32, generator: &generator)
        case "resnext":
            size = 64
            graph = try ResNeXt(depth: 50, width: 16).graph(classes: 7, inputSize: 64, generator: &generator)
        case "small":
            size = 48
            let section = try RecipeSection(
                yaml:
                    "{blocks: [1, 1, 2], width: 16, stem: {kernel: 5, stride: 2, max_pool: false}, first_stride: 2, pool: max}"
            )
            graph = try ResNet(section).graph(classes: 20, inputSize: 48, generator: &generator)
        case "resnet18":
            size = 64
            graph = try ResNet(depth: 18, width: 16, pfc: 32).graph(classes: 7, inputSize: 64, generator: &generator)
        default:
            size = 64
            graph = try ResNet(depth: 50, width: 8).graph(classes: 7, inputSize: 64, generator: &generator)
        }
        let input = try Self.normal(name == "resnext3d" ? [3, 3, 4, size, size] : [3, 3, size, size], seed: 2)
        for difference in try Self.disagreement(try Self.shaken(graph), input) { #expect(difference < 1e-4) }
    }

    /// y = op(x, constants…) of a [2, 4, 9, 11] tensor.
    static let operators: [(String, [Tensor?], [String: Attribute])] = {
        func tensor<T: TensorElement>(_ values: [T], _ dims: [Int]? = nil) -> Tensor? { try? Tensor(values, dims) }
        let weight = try? normal([6, 2, 3, 3], seed: 3, scale: 0.3)
        let window: [String: Attribute] = ["kernel_shape": .ints([3, 2]), "strides": .ints([2, 2])]
        return [
            (
                "Conv", [weight, tensor([Float](repeating: 0.5, count: 6))],
                ["group": .int(2), "pads": .ints([1, 0, 2, 1])]
            ),
            ("Conv", [weight], ["group": .int(2), "dilations": .ints([2, 1]), "auto_pad": .string("SAME_UPPER")]),
            ("Conv", [weight], ["group": .int(2), "strides": .ints([2, 3]), "auto_pad": .string("SAME_LOWER")]),
            ("MaxPool", [], window.merging(["pads": .ints([1, 0, 0, 1])]) { $1 }),
            ("MaxPool", [], window.merging(["ceil_mode": .int(1)]) { $1 }),
            ("MaxPool", [], window.merging(["pads": .ints([2, 1, 2, 1])]) { $1 }),
            ("AveragePool", [], window.merging(["pads": .ints([1, 1, 1, 1])]) { $1 }),
            ("AveragePool", [], window.merging(["pads": .ints([0, 0, 1, 1])]) { $1 }),
            ("AveragePool", [], window.merging(["pads": .ints([1, 0, 1, 1]), "count_include_pad": .int(1)]) { $1 }),
            ("GlobalAveragePool", [], [:]), ("GlobalMaxPool", [], [:]), ("Relu", [], [:]), ("HardSwish", [], [:]),
            ("Sigmoid", [], [:]), ("Tanh", [], [:]), ("Identity", [], [:]),
            ("Softmax", [], ["axis": .int(1)]), ("Softmax", [], [:]),
            ("Clip", [tensor([Float(-0.5)], []), tensor([Float(0.75)], [])], [:]),
            ("Clip", [nil, tensor([Float(0.75)], [])], [:]),
            ("Flatten", [], ["axis": .int(2)]), ("Transpose", [], ["perm": .ints([0, 2, 3, 1])]),
            ("Transpose", [], [:]),
            ("ReduceMean", [], ["axes": .ints([2, -1])]),
            ("ReduceMean", [], ["axes": .ints([1]), "keepdims": .int(0)]), ("ReduceMean", [], [:]),
            ("Reshape", [tensor([Int64(0), -1, 3])], [:]),
            ("Unsqueeze", [tensor([Int64(0), -1])], [:]),
            (
                "Slice",
                [tensor([Int64(1), 0]), tensor([Int64.max, 7]), tensor([Int64(3), -2]), tensor([Int64(3), 2])], [:]
            ),
            ("Slice", [tensor([Int64(-3)]), tensor([Int64(-1)]), tensor([Int64(3)])], [:]),
            ("Pad", [tensor([Int64(0), 1, 0, 2, 0, 0, 1, 0]), tensor([Float(1.5)], [])], [:]),
            ("Pad", [tensor([Int64(0), 0, -1, 0, 0, 0, 0, -2])], [:]),
            ("Gather", [tensor([Int64(3), -1, 0])], ["axis": .int(1)]),
            ("Mul", [tensor((0..<11).map { Float($0) / 4 })], [:]), ("Add", [tensor([Float(2)], [])], [:]),
            ("Sub", [tensor([Float(1), 2, 3, 4], [4, 1, 1])], [:]),
            ("Div", [tensor([Float(1), 2, 3, 4], [4, 1, 1])], [:]),
            ("MatMul", [try? normal([11, 5], seed: 6)], [:]),
        ]
    }()

    @Test(arguments: operators.indices) func operatorsAgree(_ index: Int) throws {
        let (op, constants, attributes) = Self.operators[index]
        var builder = GraphBuilder(name: op)
        let x = builder.input("x", .float32, ["N", 4, 9, 11])
        var inputs = [x]
        for (position, constant) in constants.enumerated() {
            inputs.append(constant.map { builder.initializer("c\(position)", $0) } ?? "")
        }
        let y = builder.node(op, inputs, attributes: .init(uniqueKeysWithValues: attributes.sorted { $0.key < $1.key }))
        builder.output(y, as: "y", .float32, [])
        var graph = builder.graph
        graph.outputs = [ValueInfo("y", .tensor(.float32, nil))]
        for difference in try Self.disagreement(graph, try Self.normal([2, 4, 9, 11], seed: 8)) {
            #expect(difference < 1e-5, "\(op) \(attributes)")
        }
    }

    @Test func gemmFormsAgree() throws {
        for (transA, transB, alpha, beta) in [(0, 1, 1, 1), (0, 0, 0.5, 1), (1, 0, 1, 2), (1, 1, 2, 0.25)] {
            var builder = GraphBuilder(name: "gemm")
            let x = builder.input("x", .float32, transA == 1 ? [6, "N"] : ["N", 6])
            let b = builder.initializer("b", try Self.normal(transB == 1 ? [5, 6] : [6, 5], seed: 1))
            let c = builder.initializer("c", try Self.normal([5], seed: 2))
            let y = builder.node(
                "Gemm", [x, b, c],
                attributes: [
                    "transA": .int(Int64(transA)), "transB": .int(Int64(transB)), "alpha": .float(Float(alpha)),
                    "beta": .float(Float(beta)),
                ])
            builder.output(y, as: "y", .float32, ["N", 5])
            let input = try Self.normal(transA == 1 ? [6, 3] : [3, 6], seed: 4)
            for difference in try Self.disagreement(builder.graph, input) { #expect(difference < 1e-5) }
        }
    }
}
