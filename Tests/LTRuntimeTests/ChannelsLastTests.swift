// Convolutions and sums between channels-last values lose their Transposes and mean the same.

import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct ChannelsLastTests {
    struct Window: Sendable, CustomTestStringConvertible {
        let channels: Int, height: Int, width: Int, kernel: Int, stride: Int, pad: Int
        var testDescription: String { "\(channels) \(height)x\(width) k\(kernel) s\(stride) p\(pad)" }
    }

    static let windows = [
        Window(channels: 16, height: 9, width: 16, kernel: 7, stride: 1, pad: 3),
        Window(channels: 33, height: 5, width: 7, kernel: 7, stride: 1, pad: 3),
        Window(channels: 20, height: 6, width: 5, kernel: 5, stride: 1, pad: 2),
        Window(channels: 17, height: 8, width: 31, kernel: 3, stride: 1, pad: 1),
        Window(channels: 40, height: 7, width: 9, kernel: 5, stride: 2, pad: 2),
        Window(channels: 24, height: 4, width: 3, kernel: 3, stride: 1, pad: 0),
        Window(channels: 16, height: 6, width: 40, kernel: 4, stride: 3, pad: 1),
    ]

    private func rows(_ graph: Graph, _ shape: Shape) throws -> [PlanRow] {
        let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: 1))
        return try plan.rows(["x": shape]).filter { !["Reshape", "Squeeze"].contains($0.op) }
    }

    @Test(arguments: windows) func depthwise(window: Window) throws {
        var random = SeededGenerator(seed: 31)
        var builder = GraphBuilder(name: "g")
        let (c, k, s, p) = (window.channels, window.kernel, Int64(window.stride), Int64(window.pad))
        let x = builder.input("x", .float32, [.symbolic("N"), .fixed(window.height), .fixed(window.width), .fixed(c)])
        let first = builder.node("Transpose", [x], attributes: ["perm": .ints([0, 3, 1, 2])])
        let w = builder.initializer("w", try random.tensor([c, 1, k, k]))
        let b = builder.initializer("b", try random.tensor([c]))
        let conv = builder.node(
            "Conv", [first, w, b],
            attributes: [
                "group": .int(Int64(c)), "strides": .ints([s, s]), "pads": .ints([p, p, p, p]),
                "kernel_shape": .ints([Int64(k), Int64(k)]),
            ])
        let y = builder.node("Transpose", [conv], attributes: ["perm": .ints([0, 2, 3, 1])])
        builder.output(builder.node("Relu", [y]), as: "y", .float32, [])
        var graph = builder.graph
        graph.outputs[0].type = nil
        for batch in [1, 3] {
            let tensor = try random.tensor([batch, window.height, window.width, c])
            let expected = try run(graph, [("x", tensor)], on: "reference")["y"]
            for threads in [1, 2] {
                #expect(
                    try difference(try run(graph, [("x", tensor)], on: "cpu", threads: threads)["y"], expected) <= 1e-5)
            }
            let found = try rows(graph, tensor.shape)
            #expect(found.map(\.op) == ["DepthwiseConv", "Relu"])
            #expect(found[0].kernel == "simd depthwise rows")
        }
    }

    /// Two blocks of a ConvNeXt with a downsampling between them, then the average that its head takes.
    @Test func convNeXt() throws {
        var random = SeededGenerator(seed: 32)
        var builder = GraphBuilder(name: "g", opset: 17)
        var number = 0
        func constant(_ dims: [Int]) throws -> String {
            number += 1
            return builder.initializer("c\(number)", try random.tensor(dims))
        }
        func turned(_ value: String, _ perm: [Int64]) -> String {
            builder.node("Transpose", [value], attributes: ["perm": .ints(perm)])
        }
        func normalised(_ value: String, _ channels: Int) throws -> String {
            let last = turned(value, [0, 2, 3, 1])
            return builder.node(
                "LayerNormalization", [last, try constant([channels]), try constant([channels])],
                attributes: ["axis": .int(-1)])
        }
        func block(_ x: String, _ channels: Int, scaledLast: Bool) throws -> String {
            let conv = builder.node(
                "Conv", [x, try constant([channels, 1, 7, 7]), try constant([channels])],
                attributes: ["group": .int(Int64(channels)), "pads": .ints([3, 3, 3, 3])])
            var value = try normalised(conv, channels)
            for (from, to) in [(channels, 2 * channels), (2 * channels, channels)] {
                value = builder.node(
                    "Add", [builder.node("MatMul", [value, try constant([from, to])]), try constant([to])])
                if to > from { value = builder.node("Relu", [value]) }
            }
            if scaledLast {
                value = turned(builder.node("Mul", [try constant([1, 1, 1, channels]), value]), [0, 3, 1, 2])
            } else {
                value = builder.node("Mul", [try constant([channels, 1, 1]), turned(value, [0, 3, 1, 2])])
            }
            return builder.node("Add", [value, x])
        }
        let x = builder.input("x", .float32, ["N", 3, 16, 24])
        let stem = builder.node(
            "Conv", [x, try constant([16, 3, 4, 4]), try constant([16])], attributes: ["strides": .ints([4, 4])])
        var value = turned(try normalised(stem, 16), [0, 3, 1, 2])
        value = try block(value, 16, scaledLast: true)
        value = turned(try normalised(value, 16), [0, 3, 1, 2])
        value = builder.node(
            "Conv", [value, try constant([32, 16, 2, 2]), try constant([32])], attributes: ["strides": .ints([2, 2])])
        value = try block(value, 32, scaledLast: false)
        builder.output(builder.node("GlobalAveragePool", [value]), as: "y", .float32, ["N", 32, 1, 1])
        for batch in [1, 2] {
            let tensor = try random.tensor([batch, 3, 16, 24])
            try expectAgreement(builder.graph, [("x", tensor)])
            let found = try rows(builder.graph, tensor.shape)
            #expect(found.filter { $0.op == "DepthwiseConv" }.count == 2)
            #expect(!found.contains { $0.op == "Mul" })
            // One to leave the stem; the patches of the downsampling; the last is a view.
            #expect(found.filter { $0.op == "Transpose" && $0.kernel != "view" }.count <= 2, "\(found.map(\.op))")
        }
    }

    /// A reader that wants NCHW still gets it.
    @Test func othersSeeChannelsFirst() throws {
        var random = SeededGenerator(seed: 33)
        var builder = GraphBuilder(name: "g")
        let x = builder.input("x", .float32, ["N", 5, 6, 16])
        let first = builder.node("Transpose", [x], attributes: ["perm": .ints([0, 3, 1, 2])])
        let conv = builder.node(
            "Conv", [first, builder.initializer("w", try random.tensor([16, 1, 3, 3]))], attributes: ["group": .int(16)]
        )
        let sum = builder.node("Add", [conv, builder.initializer("b", try random.tensor([16, 1, 1]))])
        let pooled = builder.node("MaxPool", [sum], attributes: ["kernel_shape": .ints([2, 2])])
        builder.output(pooled, as: "y", .float32, ["N", 16, 2, 3])
        builder.output(sum, as: "z", .float32, ["N", 16, 3, 4])
        try expectAgreement(builder.graph, [("x", try random.tensor([2, 5, 6, 16]))])
    }
}
