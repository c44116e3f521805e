// What a graph must satisfy before a backend sees it: every value defined once, before it is used.

import LTCore
import LTGraph

extension Graph {
    /// The opset version that holds for a domain.
    func opset(of domain: String) -> Int { domain.isEmpty ? opset : Int(clamping: opsets[domain] ?? 1) }

    /// Checks names, order and operators.
    /// - Throws: `malformed` or `unsupported`, with the node's name.
    func checkWellFormed() throws(LTError) {
        var defined = Set(initializers.keys)
        for input in inputs { defined.insert(input.name) }
        var made: [String: String] = [:]  // value → the node that makes it
        for node in nodes {
            for output in node.outputs where !output.isEmpty {
                if let other = made[output] ?? (defined.contains(output) ? "an input or initializer" : nil) {
                    throw LTError(.malformed, "value '\(output)' is made twice, first by \(other)").inside(node.label)
                }
                made[output] = node.label
            }
        }
        for node in nodes {
            try within(node.label) { () throws(LTError) in
                _ = try OperatorTable.bind(node, opset: opset(of: node.domain))
                for input in node.inputs where !input.isEmpty && !defined.contains(input) {
                    guard let maker = made[input] else {
                        throw LTError(.malformed, "input '\(input)' is made by no node and is no input or initializer")
                    }
                    throw LTError(
                        .malformed, "input '\(input)' is made later, by \(maker)",
                        hint: "the nodes form a cycle or are not in topological order")
                }
            }
            defined.formUnion(node.outputs)
        }
        guard !outputs.isEmpty else { throw LTError(.malformed, "the model has no outputs") }
        for output in outputs where !defined.contains(output.name) {
            throw LTError(.malformed, "output '\(output.name)' is made by no node")
        }
    }
}
