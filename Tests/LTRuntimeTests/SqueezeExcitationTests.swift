// Squeeze and excitation: the gate goes into the 1x1 convolution behind it where it may, means are exact enough to be gated by,
// and the functions that gates are made of hold at their ends.

import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct SqueezeExcitationTests {
    /// What stands between the gate and its reader, and what else reads the product.
    private enum Kind: CaseIterable {
        case block, strided, wide, grouped, shared, sameForAllImages
    }

    /// x → depthwise → mean → two 1x1 convolutions → gate; x · gate → convolution.
    private func network(_ kind: Kind, _ random: inout SeededGenerator) throws -> (Graph, Tensor) {
        let (channels, squeezed, columns) = (random.pick(1...70), random.pick(1...9), 2 * random.pick(1...35))
        let own = kind == .grouped ? 2 * channels : channels
        let x = try random.tensor([2, own, random.pick(3...9), random.pick(3...9)])
        var builder = GraphBuilder(name: "gates", opset: 17)
        _ = builder.input("x", .float32, x.dims.map { .fixed($0) })
        func weights(_ dims: Int...) throws -> String {
            builder.initializer("w\(builder.graph.initializers.count)", try random.tensor(dims))
        }
        let same: Attributes = ["pads": .ints([1, 1, 1, 1])]
        let depthwise = builder.node(
            "Conv", ["x", try weights(own, 1, 3, 3)],
            attributes: ["group": .int(Int64(own)), "pads": .ints([1, 1, 1, 1])])
        let y = builder.node("HardSwish", [depthwise])
        let mean = builder.node(
            "GlobalAveragePool", [kind == .sameForAllImages ? builder.node("Slice", [y] + (try slice(&builder))) : y])
        let first = builder.node("Relu", [builder.node("Conv", [mean, try weights(squeezed, own, 1, 1)])])
        let second = builder.node(
            "Conv", [first, try weights(own, squeezed, 1, 1), try weights(own)])
        let gate = builder.node(random.below(2) == 0 ? "Sigmoid" : "HardSigmoid", [second])
        let product = builder.node("Mul", random.below(2) == 0 ? [y, gate] : [gate, y])
        let size = kind == .wide ? 3 : 1
        var attributes: Attributes = kind == .wide ? same : [:]
        if kind == .grouped { attributes["group"] = .int(2) }
        if kind == .strided { attributes["strides"] = .ints([2, 2]) }
        var z = builder.node(
            "Conv",
            [product, try weights(columns, kind == .grouped ? channels : own, size, size), try weights(columns)],
            attributes: attributes)
        if random.below(2) == 0 { z = builder.node("Relu", [z]) }
        builder.output(z, as: "z", .float32, [])
        if kind == .shared { builder.output(builder.node("Neg", [product]), as: "other", .float32, []) }
        var graph = builder.graph
        for index in graph.outputs.indices { graph.outputs[index].type = nil }
        return (graph, x)
    }

    /// Starts, ends and axes that leave the first image.
    private func slice(_ builder: inout GraphBuilder) throws -> [String] {
        try [("starts", 0), ("ends", 1), ("axes", 0)].map { (name, value) in
            builder.initializer(name, try Tensor([Int64(value)]))
        }
    }

    @Test(arguments: 0..<60) func gatesOfConvolutions(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(9000 + seed))
        let kind = Kind.allCases[seed % Kind.allCases.count]
        let (graph, x) = try network(kind, &random)
        try expectAgreement(graph, [("x", x)], tolerance: 2e-5, "seed \(seed) \(kind) \(x.shape)")
        let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: 2))
        let operators = try plan.rows(["x": x.shape]).map(\.op)
        #expect(operators.contains("Mul") == ![.block, .strided].contains(kind), "\(kind) \(operators)")
    }

    /// A gate that is shut: nothing comes through, whatever the bits of e^-86 times a weight would be.
    @Test func shutGates() throws {
        var random = SeededGenerator(seed: 11)
        let x = try random.tensor([1, 32, 5, 5])
        let g = try Tensor((0..<32).map { Float($0 % 2 == 0 ? -86 : 3) }, [1, 32, 1, 1])
        var builder = GraphBuilder(name: "shut")
        for (name, tensor) in [("x", x), ("g", g)] {
            _ = builder.input(name, .float32, tensor.dims.map { .fixed($0) })
        }
        _ = builder.initializer("w", try random.tensor([20, 32, 1, 1]))
        let product = builder.node("Mul", ["x", builder.node("Sigmoid", ["g"])])
        builder.output(builder.node("Conv", [product, "w"]), as: "y", .float32, [1, 20, 5, 5])
        try expectAgreement(builder.graph, [("x", x), ("g", g)], tolerance: 1e-6)
    }

    /// Sigmoid, SiLU and Tanh over their range and past its ends, each within some units in the last place of its value.
    @Test(arguments: ["Sigmoid", "Silu", "Tanh"]) func logisticFunctions(name: String) throws {
        let ends: [Float] = [0, -0.0, 1e-30, 63.9, 64.1, 86.9, 87.1, 88.8, 200, 3e38, .infinity]
        let inputs = (0..<4001).map { Float($0 - 2000) * 0.02 + 0.0037 } + ends + ends.map { -$0 } + [.nan]
        let x = try Tensor(inputs, [inputs.count])
        var builder = GraphBuilder(name: name)
        _ = builder.input("x", .float32, [.fixed(inputs.count)])
        let y =
            name == "Silu" ? builder.node("Mul", ["x", builder.node("Sigmoid", ["x"])]) : builder.node(name, ["x"])
        builder.output(y, as: "y", .float32, [.fixed(inputs.count)])
        let cpu = try #require(try run(builder.graph, [("x", x)], on: "cpu")["y"]).array(of: Float.self)
        let reference = try #require(try run(builder.graph, [("x", x)], on: "reference")["y"]).array(of: Float.self)
        for (index, input) in inputs.enumerated() {
            let (actual, expected) = (cpu[index], reference[index])
            // -infinity times 0 is NaN as often as it is 0; what is below e^-87 may be 0.
            if expected.isNaN {
                #expect(actual.isNaN || input == -.infinity, "\(name)(\(input)) is \(actual)")
            } else if expected.isInfinite {
                #expect(actual == expected, "\(name)(\(input))")
            } else {
                let distance = abs(actual - expected)
                #expect(distance <= max(1.5e-6 * abs(expected), 1e-35), "\(name)(\(input)) \(actual) \(expected)")
            }
        }
    }

    /// The mean of many pixels far from zero keeps its digits.
    @Test(arguments: [(1, 3), (7, 9), (112, 112), (61, 200)]) func means(height: Int, width: Int) throws {
        var random = SeededGenerator(seed: 12)
        let channels = 21
        let values = (0..<channels * height * width).map { _ in Float(1000 + random.normal()) }
        let x = try Tensor(values, [1, channels, height, width])
        var builder = GraphBuilder(name: "mean")
        _ = builder.input("x", .float32, x.dims.map { .fixed($0) })
        // Behind a convolution the value lies in blocks of channels.
        _ = builder.initializer("w", try Tensor([Float](repeating: 1, count: channels), [channels, 1, 1, 1]))
        let copy = builder.node("Conv", ["x", "w"], attributes: ["group": .int(Int64(channels))])
        builder.output(builder.node("GlobalAveragePool", [copy]), as: "y", .float32, [1, .fixed(channels), 1, 1])
        let y = try #require(try run(builder.graph, [("x", x)], on: "cpu")["y"]).array(of: Float.self)
        for channel in 0..<channels {
            let plane = values[(channel * height * width)..<((channel + 1) * height * width)]
            let mean = plane.reduce(0.0) { $0 + Double($1) } / Double(height * width)
            #expect(abs(Double(y[channel]) - mean) <= 1.2e-4, "channel \(channel): \(y[channel]), expected \(mean)")
        }
    }
}
