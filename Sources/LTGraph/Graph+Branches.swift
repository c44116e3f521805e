// Replaces an If whose condition is known by the nodes of the branch that it takes.

import LTCore

extension Graph {
    /// The graph without the Ifs whose condition is an initializer.
    package func inliningBranches() -> Graph {
        var result = self
        result.nodes = Self.inlined(nodes, &result)
        return result
    }

    /// - Parameter result: receives the branches' initializers, and holds the conditions.
    private static func inlined(_ nodes: [Node], _ result: inout Graph) -> [Node] {
        var kept: [Node] = []
        for (index, node) in nodes.enumerated() {
            guard node.domain.isEmpty, node.opType == "If",
                let condition = result.initializers[node.inputs.first ?? ""],
                condition.type == .bool, condition.count == 1,
                let branch = node.bodies[condition.elements(Bool.self)[0] ? "then_branch" : "else_branch"],
                branch.outputs.count >= node.outputs.count
            else {
                kept.append(node)
                continue
            }
            // The position keeps apart what nodes without names, or of one name, make.
            var renaming = Renaming(prefix: "\(node.name.isEmpty ? "If" : node.name)@\(index)/", names: [:])
            for (name, tensor) in branch.initializers {
                renaming.names[name] = renaming.prefix + name
                result.initializers[renaming.prefix + name] = tensor
            }
            var passing: [Node] = []
            let made = Set(branch.nodes.flatMap(\.outputs))
            for (target, output) in zip(node.outputs, branch.outputs) where !target.isEmpty {
                if made.contains(output.name), renaming.targets[output.name] == nil {
                    renaming.targets[output.name] = target
                } else {
                    // What the branch only hands on, or hands out twice.
                    passing.append(Node("Identity", name: target, inputs: [output.name], outputs: [target]))
                }
            }
            kept += inlined(renaming.copies(of: branch.nodes), &result)
            for index in passing.indices {
                passing[index].inputs = passing[index].inputs.map { renaming.names[$0] ?? $0 }
            }
            kept += passing
        }
        return kept
    }
}
