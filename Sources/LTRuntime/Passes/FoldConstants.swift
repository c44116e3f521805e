// Replaces values that are known before anything runs by initializers: nodes whose inputs are all constants, and values
// that follow from shapes. With the shapes of the inputs given, shape arithmetic disappears.

import LTCore
import LTGraph

struct FoldConstants: Pass {
    /// Shapes of the runtime inputs in order where they are known; nil: as the file states them.
    var inputs: [Shape?]?
    /// Operators that are left as they are.
    var kept: Set<String> = []
    /// Larger results are left to the run, unless no larger than what they are made from.
    private static let maxBytes = 64 << 20
    private static let random: Set<String> = [
        "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli",
    ]

    init(inputs: [Shape?]? = nil, keeping kept: Set<String> = []) {
        self.inputs = inputs
        self.kept = kept
    }

    func apply(_ graph: Graph) throws(LTError) -> Graph {
        var result = graph
        result.nodes = []
        var facts = try Inference.inputs(of: graph, inputs)
        for (name, tensor) in graph.initializers { facts[name] = .tensor(Facts(tensor)) }
        for node in graph.nodes {
            do throws(LTError) {
                let op = try OperatorTable.bind(node, opset: graph.opset(of: node))
                let arguments = node.inputs.map { $0.isEmpty ? nil : facts[$0] }
                let outputs = try Inference.infer(node, op, of: graph, facts)
                for (name, fact) in zip(node.outputs, outputs) where !name.isEmpty { facts[name] = fact }
                guard var inferred = try? outputs.map(Optional.some).tensors().compactMap({ $0 }),
                    try fold(node, op, arguments, &inferred)
                else {
                    result.nodes.append(node)
                    continue
                }
                for (name, fact) in zip(node.outputs, inferred) where !name.isEmpty {
                    result.initializers[name] = fact.value
                    facts[name] = .tensor(fact)
                }
            } catch {
                throw error.inside(node.label)
            }
        }
        return result
    }

    /// Whether all outputs of the node are known now; they are in `outputs` then.
    private func fold(
        _ node: Node, _ op: any ValueOperator, _ arguments: [ValueFacts?], _ outputs: inout [Facts]
    ) throws(LTError) -> Bool {
        let named = zip(node.outputs, outputs.indices).filter { !$0.0.isEmpty }.map(\.1)
        if outputs.count >= node.outputs.count, named.allSatisfy({ outputs[$0].value != nil }) { return true }
        guard !Self.random.contains(node.opType), !kept.contains(node.opType), let op = op as? any Operator else {
            return false
        }
        var values: [Tensor?] = []
        var bytes = 0
        for (name, argument) in zip(node.inputs, arguments) {
            guard !name.isEmpty else {
                values.append(nil)
                continue
            }
            guard case .tensor(let facts)? = argument, let value = facts.value else { return false }
            bytes += value.byteCount
            values.append(value)
        }
        for output in outputs {
            guard let shape = output.shape, Tensor.byteCount(output.type, shape) <= max(Self.maxBytes, bytes) else {
                return false
            }
        }
        let results = try op.run(values)
        guard results.count >= node.outputs.count else { return false }
        outputs = results.map { Facts($0) }
        return true
    }
}
