// Inspection: what a model file is, without running it: inputs, outputs, operators, parameters, work, decision layer.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTRuntime

/// A description of a model; `Encodable` as `lt-infer inspect --json`.
public struct Inspection: Sendable, Encodable {
    public struct Value: Sendable, Encodable {
        public let name: String
        public let type: String
        /// A number, a name, or "?" per dimension.
        public let shape: [String]?
    }
    public let path: String
    public let irVersion: Int64
    public let opsets: [String: Int64]
    public let producer: String
    public let inputs: [Value]
    public let outputs: [Value]
    /// Operator → number of nodes.
    public let operators: [String: Int]
    /// Operators that this runtime does not know.
    public let unknownOperators: [String]
    public let parameters: Int
    public let parameterBytes: Int
    /// Floating-point operations of convolutions and matrix products for one image (a multiply-add counts as 2); `nil`
    /// when shapes are not known before the model runs.
    public let flops: Int?
    /// `lt.*` metadata as they stand in the file, without the self-test.
    public let metadata: [String: String]
    public let hasSelfTest: Bool
    /// What the outputs of a detector are taken for; `nil` for other models and where the file leaves it open.
    public let detector: String?

    /// Reads and describes a model.
    public init(_ path: String) throws(LTError) {
        let graph = try Graph.read(path: path)
        self.path = path
        irVersion = graph.irVersion
        opsets = Dictionary(graph.opsets.map { ($0.key.isEmpty ? "ai.onnx" : $0.key, $0.value) }) { first, _ in first }
        producer = [graph.producerName, graph.producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
        inputs = graph.runtimeInputs.map(Self.value)
        outputs = graph.outputs.map(Self.value)
        var operators: [String: Int] = [:]
        var unknown: Set<String> = []
        let known = Set(graph.functions.map { "\($0.domain)::\($0.name)" })
            .union(OperatorTable.all.map { "\($0.schema.domain)::\($0.schema.name)" })
        for node in graph.nodes {
            let name = node.domain.isEmpty ? node.opType : "\(node.domain)::\(node.opType)"
            operators[name, default: 0] += 1
            if !known.contains("\(node.domain)::\(node.opType)") { unknown.insert(name) }
        }
        self.operators = operators
        unknownOperators = unknown.sorted()
        let weights = graph.initializers.values.filter { [.float32, .float16, .bfloat16, .float64].contains($0.type) }
        parameters = weights.reduce(0) { $0 + $1.count }
        parameterBytes = weights.reduce(0) { $0 + $1.byteCount }
        var flops: Int?
        if unknown.isEmpty { flops = (try? Self.flops(graph)) ?? nil }
        self.flops = flops
        // The layer is read so that a broken one is an error here, and foreign keys show as what they mean.
        let layer = try within("model \(path)") { () throws(LTError) in try DecisionLayer(reading: graph) }
        hasSelfTest = layer.selfTest != nil
        let mayDetect = layer.task?.isDetection ?? true
        detector = mayDetect ? (try? DetectionHead(graph, layer))?.description : nil
        var shown = Graph()
        var withoutTest = layer
        withoutTest.selfTest = nil
        try withoutTest.write(into: &shown)
        metadata = Dictionary(shown.metadata.map { ($0.key, $0.value) }) { first, _ in first }
    }

    private static func value(_ info: ValueInfo) -> Value {
        guard case .tensor(let type, let dims)? = info.type else {
            return Value(name: info.name, type: "not a tensor", shape: nil)
        }
        let shape = dims?.map { dim in
            switch dim {
            case .fixed(let size): "\(size)"
            case .symbolic(let name): name
            case .unknown: "?"
            }
        }
        return Value(name: info.name, type: "tensor(\(type?.onnxName ?? "?"))", shape: shape)
    }

    /// The sum over the nodes for a batch of one.
    private static func flops(_ graph: Graph) throws(LTError) -> Int? {
        let plan = try Plan(graph, on: ReferenceBackend())
        let rows = try plan.rows(try plan.inputShapes(batch: 1))
        guard rows.allSatisfy({ $0.flops != nil || !Self.counted.contains($0.op) }) else { return nil }
        let total = rows.reduce(0) { $0 + ($1.flops ?? 0) }
        return total < 0x1p62 ? Int(total) : nil
    }

    /// Operators whose work is known only with their shapes.
    private static let counted: Set<String> = ["Conv", "ConvTranspose", "Gemm", "MatMul"]
}

extension Inspection: CustomStringConvertible {
    public var description: String {
        func list(_ values: [Value]) -> String {
            values.map { "\($0.name) \($0.type) [\($0.shape?.joined(separator: ",") ?? "?")]" }.joined(separator: "; ")
        }
        let versions = opsets.sorted { $0.key < $1.key }.map { "\($0.key) opset \($0.value)" }.joined(separator: ", ")
        let work = flops.map { String(format: "%.3f GFLOP per image", Double($0) / 1e9) } ?? "unknown before it runs"
        let sorted = operators.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let counts = sorted.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        var lines: [String] = []
        lines.append("model       \(path)" + (producer.isEmpty ? "" : " (by \(producer))"))
        lines.append("format      IR \(irVersion), \(versions)")
        lines.append("inputs      \(list(inputs))")
        lines.append("outputs     \(list(outputs))")
        lines.append("operators   \(counts)")
        lines.append("parameters  \(parameters) (\(parameterBytes) bytes)")
        lines.append("work        \(work)")
        if !unknownOperators.isEmpty { lines.append("unknown     \(unknownOperators.joined(separator: ", "))") }
        if metadata.count <= 1 {
            lines.append("decision    nothing: preprocessing, labels and activation come from flags")
        }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) where key != "lt.schema" {
            let short = value.count > 160 ? value.prefix(157) + "…" : value[...]
            let name = String(key.dropFirst(3))
            lines.append(name.padding(toLength: max(12, name.count + 1), withPad: " ", startingAt: 0) + short)
        }
        if let detector { lines.append("detector    \(detector)") }
        if hasSelfTest { lines.append("selftest    yes (lt-infer verify runs it)") }
        return lines.joined(separator: "\n")
    }
}
