// What a graph must satisfy before a backend sees it, and which opset holds for a node.

import LTCore
import LTGraph

extension Graph {
    /// The version of the node's domain.
    func opset(of node: Node) -> Int {
        node.opset ?? (node.domain.isEmpty ? opset : Int(clamping: opsets[node.domain] ?? 1))
    }

    /// Checks structure and operators.
    /// - Throws: `malformed` or `unsupported`, with the node's name.
    func checkWellFormed() throws(LTError) {
        try validate()
        guard !outputs.isEmpty else { throw LTError(.malformed, "the model has no outputs") }
        try checkOperators(of: nodes)
    }

    private func checkOperators(of nodes: [Node]) throws(LTError) {
        for node in nodes {
            do throws(LTError) {
                _ = try OperatorTable.bind(node, opset: opset(of: node))
                for graph in node.bodies.values { try checkOperators(of: graph.nodes) }
            } catch {
                throw error.inside(node.label)
            }
        }
    }
}
