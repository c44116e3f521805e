// Attention as exporters spell it becomes one node without copies and means the same; the fused kernel against ONNX's
// reference Attention at odd sizes; hostile nodes of the fused operator are refused.

import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct AttentionTests {
    /// How an exporter splits heads and scales.
    enum Spelling: CaseIterable, Sendable {
        case gather, split, sliced
    }

    /// Self-attention over x [batch, tokens, heads · width] as spelled; `mask` adds one bias per head and one per window.
    private func attention(
        _ spelling: Spelling, batch: Int = 2, tokens: Int = 9, heads: Int = 3, width: Int = 8, mask: Bool = false
    ) throws -> Graph {
        var random = SeededGenerator(seed: 11)
        var builder = GraphBuilder(name: "g", opset: 17)
        let channels = heads * width
        func ints(_ values: [Int64]) throws -> String {
            builder.initializer("c\(builder.graph.initializers.count)", try Tensor(values))
        }
        func number(_ value: Float) throws -> String {
            builder.initializer("n\(builder.graph.initializers.count)", try Tensor(scalar: value))
        }
        let x = builder.input("x", .float32, [.symbolic("N"), .fixed(tokens), .fixed(channels)])
        let w = builder.initializer("w", try random.tensor([channels, 3 * channels]))
        let b = builder.initializer("b", try random.tensor([3 * channels]))
        let projected = builder.node("Add", [builder.node("MatMul", [x, w]), b])
        let parted = builder.node(
            "Reshape", [projected, try ints([-1, Int64(tokens), 3, Int64(heads), Int64(width)])])
        var (q, k, v) = ("", "", "")
        let scale = 1 / Float(width).squareRoot()
        switch spelling {
        case .gather:
            let turned = builder.node("Transpose", [parted], attributes: ["perm": .ints([2, 0, 3, 1, 4])])
            func at(_ index: Int64) throws -> String {
                builder.node(
                    "Gather",
                    [turned, builder.initializer("at\(index)", try Tensor(scalar: index))],
                    attributes: ["axis": .int(0)])
            }
            (q, k, v) = (try at(0), try at(1), try at(2))
            q = builder.node("Mul", [q, try number(scale)])
            k = builder.node("Transpose", [k], attributes: ["perm": .ints([0, 1, 3, 2])])
        case .split:
            let parts = builder.nodes("Split", [parted], outputs: 3, attributes: ["axis": .int(2)])
            func head(_ value: String) throws -> String {
                builder.node(
                    "Transpose", [builder.node("Squeeze", [value, try ints([2])])],
                    attributes: ["perm": .ints([0, 2, 1, 3])])
            }
            (q, k, v) = (try head(parts[0]), try head(parts[1]), try head(parts[2]))
            k = builder.node("Transpose", [k], attributes: ["perm": .ints([0, 1, 3, 2])])
        case .sliced:
            func head(_ index: Int64) throws -> String {
                let cut = builder.node(
                    "Slice", [parted, try ints([index]), try ints([index + 1]), try ints([2]), try ints([1])])
                let turned = builder.node("Transpose", [cut], attributes: ["perm": .ints([2, 0, 3, 1, 4])])
                return builder.node("Squeeze", [turned, try ints([0])])
            }
            let root = try number(scale.squareRoot())
            q = builder.node("Mul", [try head(0), root])
            k = builder.node(
                "Mul", [builder.node("Transpose", [try head(1)], attributes: ["perm": .ints([0, 1, 3, 2])]), root])
            v = try head(2)
        }
        var scores = builder.node("MatMul", [q, k])
        if spelling == .split { scores = builder.node("Div", [scores, try number(1 / scale)]) }
        if mask {
            let position = builder.initializer("position", try random.tensor([1, heads, tokens, tokens]))
            scores = builder.node("Add", [scores, position])
            let windows = builder.initializer("windows", try random.tensor([1, 2, 1, tokens, tokens]))
            let all = Int64(tokens)
            scores = builder.node("Reshape", [scores, try ints([-1, 2, Int64(heads), all, all])])
            scores = builder.node("Add", [scores, windows])
            scores = builder.node("Reshape", [scores, try ints([-1, Int64(heads), all, all])])
        }
        let weights = builder.node("Softmax", [scores], attributes: ["axis": .int(-1)])
        let sum = builder.node("MatMul", [weights, v])
        let turned = builder.node("Transpose", [sum], attributes: ["perm": .ints([0, 2, 1, 3])])
        let merged = builder.node("Reshape", [turned, try ints([-1, Int64(tokens), Int64(channels)])])
        builder.output(merged, as: "y", .float32, [.symbolic("N"), .fixed(tokens), .fixed(channels)])
        return builder.graph
    }

    private func operators(_ graph: Graph, _ shape: Shape) throws -> [String] {
        let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: 1))
        return try plan.rows(["x": shape]).map(\.op)
    }

    @Test(arguments: Spelling.allCases, [false, true]) func spellingsAreOneNode(spelling: Spelling, mask: Bool) throws {
        let graph = try attention(spelling, mask: mask)
        var random = SeededGenerator(seed: 12)
        for batch in [2, 6] {
            let x = try random.tensor([batch, 9, 24])
            let expected = try run(graph, [("x", x)], on: "reference")["y"]
            for threads in [1, 2] {
                let y = try run(graph, [("x", x)], on: "cpu", threads: threads)["y"]
                #expect(try difference(y, expected) <= 1e-5)
            }
            // Scores are in the tens: their rounding is some percent of a weight.
            try expectNearAgreement(graph, [("x", x)], tolerance: 0.12)
            let ops = try operators(graph, x.shape).filter { $0 != "Reshape" }
            #expect(ops == ["Linear", "FusedAttention"], "\(ops)")
        }
    }

    /// Scores that something else reads as well, or a Softmax over another axis, stay what they are.
    @Test func othersStay() throws {
        var graph = try attention(.gather)
        let softmax = try #require(graph.nodes.firstIndex { $0.opType == "Softmax" })
        var other = graph
        other.nodes[softmax].attributes["axis"] = .int(-2)
        let x = try Shape([2, 9, 24])
        #expect(try !operators(other, x).contains("FusedAttention"))
        graph.outputs.append(ValueInfo(graph.nodes[softmax].outputs[0], .float32, []))
        graph.outputs[1].type = nil
        #expect(try operators(graph, x).contains("Softmax"))
        var random = SeededGenerator(seed: 13)
        try expectAgreement(graph, [("x", try random.tensor([2, 9, 24]))])
    }

    struct Sizes: Sendable, CustomTestStringConvertible {
        let batch: Int, heads: Int, queries: Int, keys: Int, depth: Int, width: Int
        var testDescription: String { "\(batch)x\(heads), \(queries)x\(keys), \(depth), \(width)" }
    }

    static let sizes = [
        Sizes(batch: 1, heads: 1, queries: 1, keys: 1, depth: 1, width: 1),
        Sizes(batch: 2, heads: 3, queries: 7, keys: 5, depth: 9, width: 11),
        Sizes(batch: 1, heads: 2, queries: 49, keys: 49, depth: 32, width: 32),
        Sizes(batch: 3, heads: 1, queries: 17, keys: 65, depth: 36, width: 33),
        Sizes(batch: 1, heads: 5, queries: 70, keys: 197, depth: 64, width: 48),
    ]

    @Test(arguments: sizes) func kernelAgainstTheStandard(sizes: Sizes) throws {
        var random = SeededGenerator(seed: 14)
        let q = try random.tensor([sizes.batch, sizes.heads, sizes.queries, sizes.depth])
        let k = try random.tensor([sizes.batch, sizes.heads, sizes.keys, sizes.depth])
        let v = try random.tensor([sizes.batch, sizes.heads, sizes.keys, sizes.width])
        let mask = try random.tensor([sizes.heads, sizes.queries, sizes.keys])
        // Some keys are hidden altogether, as masks hide them.
        let masks = mask.elements(Float.self)
        for index in masks.indices where index % sizes.keys > 0 && index % 3 == 0 { masks[index] = -.infinity }
        for masked in [false, true] {
            let inputs = [("q", q), ("k", k), ("v", v)]
            let single = graph(
                "Attention", inputs: inputs, constants: masked ? [("mask", mask)] : [],
                attributes: ["scale": .float(0.3)], opset: 23)
            let expected = try run(single, inputs, on: "reference")["y"]
            for threads in [1, 2] {
                let y = try run(single, inputs, on: "cpu", threads: threads)["y"]
                #expect(try difference(y, expected) <= 1e-5)
            }
            try expectNearAgreement(single, inputs, tolerance: 0.03)
            let plan = try Plan(single, on: CPUBackend(), options: PlanOptions(threads: 1))
            let rows = try plan.rows(["q": q.shape, "k": k.shape, "v": v.shape])
            #expect(rows.map(\.kernel) == ["simd attention"])
        }
    }

    /// Q, K and V with their heads side by side.
    @Test func mergedHeads() throws {
        var random = SeededGenerator(seed: 15)
        let inputs = [
            ("q", try random.tensor([2, 5, 12])), ("k", try random.tensor([2, 7, 12])),
            ("v", try random.tensor([2, 7, 20])),
        ]
        let single = graph(
            "Attention", inputs: inputs, attributes: ["q_num_heads": .int(4), "kv_num_heads": .int(4)], opset: 23)
        try expectAgreement(single, inputs)
        let plan = try Plan(single, on: CPUBackend(), options: PlanOptions(threads: 1))
        let shapes = Dictionary(uniqueKeysWithValues: inputs.map { ($0.0, $0.1.shape) })
        #expect(try plan.rows(shapes).map(\.kernel) == ["simd attention"])
    }

    /// Sizes, strides and rows that reach beyond the operands or leave parts of the output unwritten.
    @Test func hostileNodesAreRefused() throws {
        let x = try Tensor([Float](repeating: 1, count: 24), [2, 3, 4])
        let good: Attributes = [
            "sizes": .ints([1, 2, 3, 3, 4, 4]), "q": .ints([0, 24, 12, 4]), "k": .ints([0, 24, 12, 4]),
            "v": .ints([0, 24, 12, 4]), "y": .ints([0, 24, 12, 4]), "shape": .ints([2, 3, 4]),
        ]
        func fused(_ name: String, _ attribute: Attribute?, rows: [Int32]? = nil, to: [Int32]? = nil) throws -> Graph {
            var builder = GraphBuilder(name: "g")
            let q = builder.input("x", .float32, [2, 3, 4])
            var inputs = [q, q, q, "", ""]
            inputs.append(try rows.map { builder.initializer("rows", try Tensor($0)) } ?? "")
            inputs.append(try to.map { builder.initializer("to", try Tensor($0)) } ?? "")
            while inputs.last == "" { inputs.removeLast() }
            var attributes = good
            if !name.isEmpty { attributes[name] = attribute }
            let y = builder.node("FusedAttention", inputs, domain: "longtail", attributes: attributes)
            builder.output(y, as: "y", .float32, [2, 3, 4])
            var graph = builder.graph
            graph.opsets["longtail"] = 1
            return graph
        }
        try expectAgreement(try fused("", nil), [("x", x)])
        let big = Int64.max / 2
        let bad: [(String, Attribute?)] = [
            ("sizes", nil), ("sizes", .ints([1, 2, 3, 3, 4])), ("sizes", .ints([1, 2, 3, 0, 4, 4])),
            ("sizes", .ints([1 << 30, 1 << 30, 3, 3, 4, 4])), ("q", .ints([1, 24, 12, 4])),
            ("k", .ints([0, 24, 13, 4])),
            ("v", .ints([0, 24, 12, -1])), ("v", .ints([0, big, 12, 4])), ("q", .ints([0, 24, 12, 1 << 39])),
            ("y", .ints([0, 24, 12, 5])), ("y", .ints([0, 24, 0, 4])), ("shape", .ints([2, 3, 5])),
            ("bias0", .ints([1, 0, 0, 0])), ("bias0", .ints([0, 0, 0, 0])),
        ]
        for (name, attribute) in bad {
            for device in ["reference", "cpu"] {
                #expect(throws: LTError.self, "\(name)") {
                    try run(try fused(name, attribute), [("x", x)], on: device)
                }
            }
        }
        let rowwise: Attribute = .ints([0, 0, 4, 8])
        for (rows, to) in [([0, 1, 3], nil), ([0, -1, 2], nil), ([0, 1], nil), (nil, [0, 1, 1]), (nil, [0, 1, 3])]
            as [([Int32]?, [Int32]?)]
        {
            #expect(throws: LTError.self) {
                try run(try fused(rows == nil ? "y" : "q", rowwise, rows: rows, to: to), [("x", x)], on: "cpu")
            }
        }
    }
}
