// Drops nodes and initializers that no output depends on.

import LTCore
import LTGraph

struct RemoveDeadCode: Pass {
    func apply(_ graph: Graph) throws(LTError) -> Graph {
        var result = graph
        var live = Set(graph.outputs.map(\.name))
        var kept: [Node] = []
        for node in graph.nodes.reversed() where node.outputs.contains(where: { !$0.isEmpty && live.contains($0) }) {
            live.formUnion(node.inputs)
            live.formUnion(node.capturedNames)
            var node = node
            // An output that nobody reads need not be made; it keeps its place, since some operators count their outputs.
            node.outputs = node.outputs.map { live.contains($0) ? $0 : "" }
            kept.append(node)
        }
        result.nodes = kept.reversed()
        // Inputs keep their place: callers feed them. Initializers that shadow inputs stay what they are.
        let inputs = Set(graph.inputs.map(\.name))
        result.initializers = graph.initializers.filter { live.contains($0.key) || inputs.contains($0.key) }
        return result
    }
}
