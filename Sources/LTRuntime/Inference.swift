// Inference: what is known of every value before anything runs, by walking the graph once through Operator.infer.

import LTCore
import LTGraph

/// The facts of a graph's values, and the operators of its nodes.
struct Inference: Sendable {
    private(set) var facts: [String: Facts] = [:]
    /// One per node, in the graph's order.
    private(set) var operators: [any Operator] = []

    /// Walks the graph. `inputs` gives shapes of runtime inputs, in order; nil takes them as the file states them.
    /// - Throws: what operators find wrong, with the node's name.
    init(_ graph: Graph, inputs shapes: [Shape]? = nil) throws(LTError) {
        facts = try Self.inputs(of: graph, shapes)
        for (name, tensor) in graph.initializers { facts[name] = Facts(tensor) }
        operators.reserveCapacity(graph.nodes.count)
        for node in graph.nodes {
            do throws(LTError) {
                let op = try OperatorTable.bind(node, opset: graph.opset(of: node.domain))
                operators.append(op)
                let outputs = try op.infer(node.inputs.map { $0.isEmpty ? nil : facts[$0] })
                for (name, fact) in zip(node.outputs, outputs) where !name.isEmpty { facts[name] = fact }
            } catch {
                throw error.inside(node.label)
            }
        }
    }

    /// What is known of the inputs that a caller feeds.
    static func inputs(of graph: Graph, _ shapes: [Shape]?) throws(LTError) -> [String: Facts] {
        var facts: [String: Facts] = [:]
        for (index, input) in graph.runtimeInputs.enumerated() {
            guard case .tensor(let type?, let dims)? = input.type else {
                throw LTError(.unsupported, "input '\(input.name)' is not a tensor of known type, expected one")
            }
            facts[input.name] = Facts(type, shapes.map { $0[index].dims.map(Optional.some) } ?? dims?.map(\.fixed))
        }
        return facts
    }

    subscript(name: String) -> Facts? { facts[name] }
}
