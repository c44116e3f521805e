// Drops nodes that hand their input on: Identity, Dropout out of training, Cast to the same type, Pad by nothing, and
// copies of all elements in their order (Slice, Expand, Transpose, …), as far as shapes are known.

import LTCore
import LTGraph

struct RemoveIdentities: Pass {
    /// Shapes of the runtime inputs in order where they are known; nil: as the file states them.
    var inputs: [Shape?]?

    init(inputs: [Shape?]? = nil) { self.inputs = inputs }

    func apply(_ graph: Graph) throws(LTError) -> Graph {
        var result = graph
        result.nodes = []
        let outputs = Set(graph.outputs.map(\.name))
        let captured = graph.nodes.reduce(into: Set<String>()) { $0.formUnion($1.capturedNames) }
        let reads = graph.readCounts
        let facts = try Inference(graph, inputs: inputs)
        var renamed: [String: String] = [:]
        for (node, op) in zip(graph.nodes, facts.operators) {
            var node = node
            node.inputs = node.inputs.map { renamed[$0] ?? $0 }
            if let input = node.inputs.first, let output = node.outputs.first, !input.isEmpty,
                node.outputs.dropFirst().allSatisfy({ reads[$0] == nil }), try handsOn(node, op, graph, facts),
                !outputs.contains(output), !captured.contains(output)
            {
                renamed[output] = input
            } else {
                result.nodes.append(node)
            }
        }
        return result
    }

    private func handsOn(
        _ node: Node, _ op: any ValueOperator, _ graph: Graph, _ facts: Inference
    ) throws(LTError) -> Bool {
        guard node.isDefaultDomain else { return false }
        switch node.opType {
        case "Identity": return true
        case "Dropout":
            // From opset 12 on a third input may ask for training; before 7 an attribute did.
            guard graph.opset(of: node) >= 7 else { return false }
            guard node.inputs.count > 2, !node.inputs[2].isEmpty else { return true }
            guard let training = graph.initializers[node.inputs[2]], training.type == .bool, training.count == 1 else {
                return false
            }
            return !training.elements(Bool.self)[0]
        case "Cast":
            guard let from = facts[node.inputs[0]]?.type, let to = facts[node.outputs[0]]?.type else { return false }
            return from == to
        default:
            let arguments = node.inputs.map { $0.isEmpty ? nil : facts[$0] }
            guard let x = arguments[0], let rank = x.dims?.count else { return false }
            if let op = op as? PadOperator {
                let amounts = try ifPossible { () throws(LTError) in try op.amounts(arguments, rank) }
                return amounts??.allSatisfy { $0 == (0, 0) } ?? false
            }
            guard let shape = x.shape, facts[node.outputs[0]]?.shape == shape, let op = op as? any ViewOperator else {
                return false
            }
            let views = try ifPossible { () throws(LTError) in try op.views(arguments) }
            return views??.first?.isWhole(shape) ?? false
        }
    }
}
