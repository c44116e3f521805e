// Renaming: nodes of a function or a subgraph under names that fit into the graph they are put into.

import LTCore
import OrderedCollections

/// Copies nodes: what they make gets a prefix, what they read is looked up. Subgraphs are renamed with them.
struct Renaming {
    let prefix: String
    /// Name in the nodes → name in the graph; what is missing keeps its name.
    var names: [String: String]
    /// Values that get a name of their own instead of the prefix.
    var targets: [String: String] = [:]
    /// What else changes in a node.
    var adjust: (inout Node) -> Void = { _ in }

    mutating func copies(of nodes: [Node]) -> [Node] {
        var copies: [Node] = []
        for node in nodes {
            var copy = node
            copy.name = prefix + node.name
            copy.inputs = node.inputs.map { names[$0] ?? $0 }
            for output in node.outputs where !output.isEmpty { names[output] = targets[output] ?? prefix + output }
            copy.outputs = node.outputs.map { $0.isEmpty ? "" : names[$0] ?? $0 }
            adjust(&copy)
            for (name, graph) in copy.bodies { copy.attributes[name] = .graph(self.copy(of: graph)) }
            copies.append(copy)
        }
        return copies
    }

    private func copy(of graph: Graph) -> Graph {
        var inner = self
        inner.targets = [:]
        var copy = graph
        for name in graph.inputs.map(\.name) + graph.initializers.keys { inner.names[name] = prefix + name }
        func renamed(_ info: ValueInfo) -> ValueInfo {
            var info = info
            info.name = inner.names[info.name] ?? info.name
            return info
        }
        copy.inputs = graph.inputs.map(renamed)
        copy.initializers = [:]
        for (name, tensor) in graph.initializers { copy.initializers[prefix + name] = tensor }
        copy.nodes = inner.copies(of: graph.nodes)
        copy.outputs = graph.outputs.map(renamed)
        return copy
    }
}
