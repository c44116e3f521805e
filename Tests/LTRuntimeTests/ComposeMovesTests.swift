// Chains of copies that keep rows whole become one copy, or none around attention.

import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct ComposeMovesTests {
    /// Builds what a shifted-window transformer does around its attention.
    private struct Windows {
        var builder = GraphBuilder(name: "g", opset: 17)
        var random = SeededGenerator(seed: 21)

        mutating func ints(_ values: [Int64]) throws -> String {
            builder.initializer("c\(builder.graph.initializers.count)", try Tensor(values))
        }

        mutating func reshape(_ value: String, _ dims: [Int64]) throws -> String {
            builder.node("Reshape", [value, try ints(dims)])
        }

        mutating func turned(_ value: String, _ perm: [Int64]) -> String {
            builder.node("Transpose", [value], attributes: ["perm": .ints(perm)])
        }

        /// Rolls axes 1 and 2 so that what was at `by` comes first.
        mutating func roll(_ value: String, _ by: Int64) throws -> String {
            var value = value
            for axis in [1, 2] as [Int64] {
                let tail = builder.node(
                    "Slice", [value, try ints([by]), try ints([Int64.max]), try ints([axis]), try ints([1])])
                let head = builder.node(
                    "Slice", [value, try ints([0]), try ints([by]), try ints([axis]), try ints([1])])
                value = builder.node("Concat", [tail, head], attributes: ["axis": .int(axis)])
            }
            return value
        }

        mutating func linear(_ value: String, _ from: Int, _ to: Int) throws -> String {
            let number = builder.graph.initializers.count
            let w = builder.initializer("w\(number)", try random.tensor([from, to]))
            let b = builder.initializer("b\(number)", try random.tensor([to]))
            return builder.node("Add", [builder.node("MatMul", [value, w]), b])
        }
    }

    private func ops(_ graph: Graph, _ shape: Shape) throws -> [String] {
        let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: 1))
        return try plan.rows(["x": shape]).map(\.op).filter { $0 != "Reshape" && $0 != "Squeeze" }
    }

    /// One block over pictures [N, 6, 8, 16] in windows of 2 × 4 with two heads.
    private func block(shift: Int64) throws -> Graph {
        var make = Windows()
        let x = make.builder.input("x", .float32, ["N", 6, 8, 16])
        let scale = make.builder.initializer("scale", try make.random.tensor([16]))
        var value = make.builder.node("LayerNormalization", [x, scale], attributes: ["axis": .int(-1)])
        if shift > 0 { value = try make.roll(value, shift) }
        value = try make.reshape(value, [-1, 3, 2, 2, 4, 16])
        value = try make.reshape(make.turned(value, [0, 1, 3, 2, 4, 5]), [-1, 8, 16])
        value = try make.linear(value, 16, 48)
        value = make.turned(try make.reshape(value, [-1, 8, 3, 2, 8]), [2, 0, 3, 1, 4])
        let parts = make.builder.nodes("Split", [value], outputs: 3, attributes: ["axis": .int(0)])
        var heads: [String] = []
        for part in parts { heads.append(make.builder.node("Squeeze", [part, try make.ints([0])])) }
        let scores = make.builder.node("MatMul", [heads[0], make.turned(heads[1], [0, 1, 3, 2])])
        let weights = make.builder.node("Softmax", [scores], attributes: ["axis": .int(-1)])
        value = make.turned(make.builder.node("MatMul", [weights, heads[2]]), [0, 2, 1, 3])
        value = try make.linear(try make.reshape(value, [-1, 8, 16]), 16, 16)
        value = make.turned(try make.reshape(value, [-1, 3, 2, 2, 4, 16]), [0, 1, 3, 2, 4, 5])
        value = try make.reshape(value, [-1, 6, 8, 16])
        if shift > 0 {
            // Back: rows 6 − shift come first.
            for (axis, size) in [(1, 6), (2, 8)] as [(Int64, Int64)] {
                let tail = make.builder.node(
                    "Slice", [value, try make.ints([size - shift]), try make.ints([size]), try make.ints([axis])])
                let head = make.builder.node(
                    "Slice", [value, try make.ints([0]), try make.ints([size - shift]), try make.ints([axis])])
                value = make.builder.node("Concat", [tail, head], attributes: ["axis": .int(axis)])
            }
        }
        let y = make.builder.node("Add", [x, value])
        make.builder.output(y, as: "y", .float32, ["N", 6, 8, 16])
        return make.builder.graph
    }

    @Test(arguments: [0, 1] as [Int64]) func windowsTakeNoCopies(shift: Int64) throws {
        let graph = try block(shift: shift)
        var random = SeededGenerator(seed: 22)
        for batch in [1, 2] {
            let x = try random.tensor([batch, 6, 8, 16])
            try expectAgreement(graph, [("x", x)])
            let found = try ops(graph, x.shape)
            #expect(found.contains("FusedAttention"))
            #expect(
                !found.contains { ["Transpose", "Slice", "Concat", "Split", "GatherRows"].contains($0) }, "\(found)")
        }
    }

    /// Patch merging: every other row and column, side by side.
    @Test func mergedPatchesAreOneCopy() throws {
        var make = Windows()
        let x = make.builder.input("x", .float32, ["N", 6, 4, 8])
        var parts: [String] = []
        for (row, column) in [(0, 0), (1, 0), (0, 1), (1, 1)] as [(Int64, Int64)] {
            let rows = make.builder.node(
                "Slice", [x, try make.ints([row]), try make.ints([Int64.max]), try make.ints([1]), try make.ints([2])])
            parts.append(
                make.builder.node(
                    "Slice",
                    [rows, try make.ints([column]), try make.ints([Int64.max]), try make.ints([2]), try make.ints([2])])
            )
        }
        let joined = make.builder.node("Concat", parts, attributes: ["axis": .int(-1)])
        make.builder.output(make.builder.node("Relu", [joined]), as: "y", .float32, ["N", 3, 2, 32])
        var random = SeededGenerator(seed: 23)
        let tensor = try random.tensor([3, 6, 4, 8])
        try expectAgreement(make.builder.graph, [("x", tensor)])
        #expect(try ops(make.builder.graph, tensor.shape) == ["GatherRows", "Relu"])
    }

    /// Two sources, and rows of single elements, stay copies.
    @Test func othersStay() throws {
        var make = Windows()
        let x = make.builder.input("x", .float32, ["N", 6, 4, 8])
        let flat = make.builder.node("Relu", [x])
        let joined = make.builder.node(
            "Concat", [make.turned(x, [0, 2, 1, 3]), make.turned(flat, [0, 2, 1, 3])], attributes: ["axis": .int(1)])
        let columns = make.turned(make.turned(flat, [0, 3, 1, 2]), [0, 2, 1, 3])
        make.builder.output(make.builder.node("Neg", [joined]), as: "y", .float32, ["N", 8, 6, 8])
        make.builder.output(make.builder.node("Neg", [columns]), as: "z", .float32, ["N", 6, 8, 4])
        var random = SeededGenerator(seed: 24)
        let tensor = try random.tensor([2, 6, 4, 8])
        try expectAgreement(make.builder.graph, [("x", tensor)])
        #expect(try !ops(make.builder.graph, tensor.shape).contains("GatherRows"))
    }

    @Test(arguments: [[0, 3], [-1, 0], [0]] as [[Int32]]) func hostileRowsAreRefused(places: [Int32]) throws {
        var builder = GraphBuilder(name: "g")
        let x = builder.input("x", .float32, [3, 4])
        let rows = builder.initializer("rows", try Tensor(places))
        let y = builder.node(
            "GatherRows", [x, rows], domain: "longtail", attributes: ["run": .int(4), "shape": .ints([2, 4])])
        builder.output(y, as: "y", .float32, [2, 4])
        var graph = builder.graph
        graph.opsets["longtail"] = 1
        let tensor = try Tensor([Float](repeating: 1, count: 12), [3, 4])
        for device in ["reference", "cpu"] {
            #expect(throws: LTError.self) { try run(graph, [("x", tensor)], on: device) }
        }
    }
}
