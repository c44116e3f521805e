// Calibration and thresholds as ONNX nodes, so that any runtime gives calibrated scores and decisions: beside the raw output
// the graph gets `scores` (float32) and `decisions` (boolean), both of the raw output's shape [N,C]. The nodes are the
// Decider's formulas in float32; score ≥ t is Greater(score, the float below t), which every opset has.
// `lt.outputs` names the three; this runtime goes on from the raw one, so that nothing is calibrated twice.

import LTCore
import LTGraph
import OrderedCollections

extension DecisionLayer {
    /// Names of graph outputs.
    public struct GraphOutputs: Sendable, Equatable, Codable {
        /// What calibration starts from.
        public var raw: String
        public var scores: String
        public var decisions: String

        public init(raw: String, scores: String, decisions: String) {
            self.raw = raw
            self.scores = scores
            self.decisions = decisions
        }
    }

    /// Names of all that `addOutputs` adds, but for the two outputs, begin with this.
    static let outputPrefix = "lt.decision."

    /// Takes out what `addOutputs` put in.
    public mutating func removeOutputs(from graph: inout Graph) {
        guard let own = outputs else { return }
        let names: Set = [own.scores, own.decisions]
        graph.outputs.removeAll { names.contains($0.name) }
        graph.nodes.removeAll { $0.name.hasPrefix(Self.outputPrefix) }
        for name in graph.initializers.keys where name.hasPrefix(Self.outputPrefix) { graph.initializers[name] = nil }
        outputs = nil
    }

    /// Adds the outputs `scores` and `decisions` (with a number where the name is taken) behind the first output; those of
    /// an earlier call are replaced.
    /// - Throws: `unsupported` for another task than one score per class, an opset before 8 or an output of another rank than
    ///   2; what `Decider` throws.
    public mutating func addOutputs(to graph: inout Graph) throws(LTError) {
        removeOutputs(from: &graph)
        guard let raw = graph.outputs.first, case .tensor(let type, let dims?)? = raw.type, dims.count == 2,
            type == nil || type == .float32, let classes = dims[1].fixed ?? classCount
        else {
            throw LTError(
                .unsupported, "the first output '\(graph.outputs.first?.name ?? "")' is not float32 [N,C] with C known")
        }
        guard graph.opset >= 8 else {
            throw LTError(
                .unsupported, "opset \(graph.opset), nodes for scores and decisions need 8",
                hint: "leave out --into-graph")
        }
        // Says what is missing or does not fit.
        _ = try Decider(self, classCount: classes)
        var nodes = OutputNodes(graph: graph, classes: classes)
        let scores = try nodes.scores(raw.name, self)
        let decisions = try nodes.decisions(scores, self)
        graph = nodes.graph
        graph.outputs += [
            ValueInfo(scores, .float32, [dims[0], .fixed(classes)]),
            ValueInfo(decisions, .bool, [dims[0], .fixed(classes)]),
        ]
        outputs = GraphOutputs(raw: raw.name, scores: scores, decisions: decisions)
    }
}

/// Appends the nodes.
private struct OutputNodes {
    var graph: Graph
    let classes: Int
    private var taken: Set<String>

    init(graph: Graph, classes: Int) {
        self.graph = graph
        self.classes = classes
        taken = Set(graph.initializers.keys)
        taken.formUnion(graph.inputs.map(\.name))
        taken.formUnion(graph.sparseInitializers)
        for node in graph.nodes { taken.formUnion(node.outputs) }
    }

    private func free(_ base: String) -> String {
        var name = base
        var number = 1
        while taken.contains(name) {
            number += 1
            name = "\(base)_\(number)"
        }
        return name
    }

    private mutating func node(
        _ opType: String, _ inputs: [String], as output: String? = nil,
        _ attributes: OrderedDictionary<String, Attribute> = [:]
    ) -> String {
        let name = free(output ?? DecisionLayer.outputPrefix + opType)
        taken.insert(name)
        graph.nodes.append(
            Node(
                opType, name: output.map { DecisionLayer.outputPrefix + $0 } ?? name, inputs: inputs, outputs: [name],
                attributes: attributes))
        return name
    }

    private mutating func constant(_ name: String, _ tensor: Tensor) -> String {
        let name = free(DecisionLayer.outputPrefix + name)
        taken.insert(name)
        graph.initializers[name] = tensor
        return name
    }

    private mutating func constant(_ name: String, _ values: [Float]) throws(LTError) -> String {
        constant(name, try Tensor(values, [values.count]))
    }

    /// A node whose axes are an attribute before opset 13 and an input from then on.
    private mutating func node(
        _ opType: String, _ input: String, axis: Int64, _ attributes: OrderedDictionary<String, Attribute> = [:]
    ) throws(LTError) -> String {
        if graph.opset >= 13 {
            return node(opType, [input, constant("axes", try Tensor([axis], [1]))], attributes)
        }
        var attributes = attributes
        attributes["axes"] = .ints([axis])
        return node(opType, [input], attributes)
    }

    private mutating func softmax(_ input: String, as output: String? = nil) -> String {
        node("Softmax", [input], as: output, ["axis": .int(1)])
    }

    mutating func scores(_ raw: String, _ layer: DecisionLayer) throws(LTError) -> String {
        let method = layer.calibration?.method.expanded(to: classes)
        let isSoftmax = layer.activation == .softmax
        guard let method else { return activated(raw, layer.activation) }
        if isSoftmax, method.isPerClass {
            if case .temperature(let t) = method {
                return softmax(node("Div", [raw, try constant("T", t)]), as: "scores")
            }
            return try oneAgainstRest(raw, method)
        }
        let mapped = try map(raw, method, as: method.givesScores ? "scores" : nil)
        return method.givesScores ? mapped : activated(mapped, layer.activation)
    }

    private mutating func activated(_ input: String, _ activation: DecisionLayer.Activation?) -> String {
        switch activation {
        case .sigmoid?: node("Sigmoid", [input], as: "scores")
        case .softmax?: softmax(input, as: "scores")
        case DecisionLayer.Activation.none?, nil: node("Identity", [input], as: "scores")
        }
    }

    private mutating func map(_ z: String, _ method: Calibration.Method, as output: String? = nil) throws(LTError)
        -> String
    {
        switch method {
        case .temperature(let t): return node("Div", [z, try constant("T", t)])
        case .vector(let w, let b):
            return node("Add", [node("Mul", [z, try constant("w", w)]), try constant("b", b)])
        case .platt(let a, let b):
            return node("Neg", [node("Add", [node("Mul", [z, try constant("A", a)]), try constant("B", b)])])
        case .beta(let a, let b, let c):
            let below = node("Mul", [node("Softplus", [node("Neg", [z])]), try constant("a", a)])
            let above = node("Mul", [node("Softplus", [z]), try constant("b", b)])
            return node("Add", [node("Sub", [above, below]), try constant("c", c)])
        case .isotonic(let x, let y): return try isotonic(z, x, y, as: output)
        }
    }

    /// y₀ + Σ over segments of rise · min(max(z − x, 0), width) / width; segments that a class lacks have no rise.
    private mutating func isotonic(_ z: String, _ x: [[Float]], _ y: [[Float]], as output: String?) throws(LTError)
        -> String
    {
        let segments = max(1, (x.map(\.count).max() ?? 1) - 1)
        let (cells, overflow) = segments.multipliedReportingOverflow(by: classes)
        guard !overflow, cells <= 1 << 26 else {
            throw LTError(.unsupported, "\(segments) isotonic segments for \(classes) classes, too many for a graph")
        }
        var (starts, widths, rises) = ([Float](), [Float](), [Float]())
        for (x, y) in zip(x, y) {
            for segment in 0..<segments {
                let isThere = segment + 1 < x.count
                starts.append(isThere ? x[segment] : 0)
                widths.append(isThere ? x[segment + 1] - x[segment] : 1)
                rises.append(isThere ? y[segment + 1] - y[segment] : 0)
            }
        }
        func table(_ values: [Float]) throws(LTError) -> Tensor { try Tensor(values, [classes, segments]) }
        let width = constant("width", try table(widths))
        let behind = node("Sub", [try node("Unsqueeze", z, axis: 2), constant("x", try table(starts))])
        let zero = constant("zero", try Tensor([0 as Float], [1]))
        let inside = node("Min", [node("Max", [behind, zero]), width])
        let risen = node("Mul", [node("Div", [inside, width]), constant("rise", try table(rises))])
        // ReduceSum's axes are an input from opset 13 on, as Unsqueeze's.
        let sum = try node("ReduceSum", risen, axis: 2, ["keepdims": .int(0)])
        return node("Add", [sum, try constant("y", y.map { $0[0] })], as: output)
    }

    /// As `Decider`: softmax, log-odds, each class's map, divided by their sum (by 1 where that is 0).
    private mutating func oneAgainstRest(_ raw: String, _ method: Calibration.Method) throws(LTError) -> String {
        let low = constant("low", try Tensor([Float(0x1p-126)], [1]))
        let high = constant("high", try Tensor([Float(1 - 0x1p-24)], [1]))
        let one = constant("one", try Tensor([1 as Float], [1]))
        let p = softmax(raw)
        let inside = node("Min", [node("Max", [p, low]), high])
        let odds = node("Sub", [node("Log", [inside]), node("Log", [node("Sub", [one, inside])])])
        let mapped = try map(odds, method)
        let each = method.givesScores ? mapped : node("Sigmoid", [mapped])
        let sum = try node("ReduceSum", each, axis: 1, ["keepdims": .int(1)])
        // Without any score the softmax stays: each + p·[sum = 0], divided by sum + [sum = 0].
        let isEmpty = node(
            "Cast", [node("Not", [node("Greater", [sum, constant("none", try Tensor([0 as Float], [1]))])])],
            ["to": .int(1)])
        return node(
            "Div", [node("Add", [each, node("Mul", [p, isEmpty])]), node("Add", [sum, isEmpty])], as: "scores")
    }

    mutating func decisions(_ scores: String, _ layer: DecisionLayer) throws(LTError) -> String {
        let fallback = [Float?](repeating: nil, count: classes)
        let own = layer.thresholds?.values ?? fallback
        let thresholds = try constant("threshold", own.map { ($0 ?? Thresholds.fallback).nextDown })
        if layer.task == .multilabel { return node("Greater", [scores, thresholds], as: "decisions") }
        // The first of the best; ArgMax takes the first index on ties.
        let best = node("ArgMax", [scores], ["axis": .int(1), "keepdims": .int(1)])
        let index = constant("index", try Tensor((0..<Int64(classes)).map { $0 }, [classes]))
        guard layer.thresholds != nil else { return node("Equal", [best, index], as: "decisions") }
        return node(
            "And", [node("Equal", [best, index]), node("Greater", [scores, thresholds])], as: "decisions")
    }
}
