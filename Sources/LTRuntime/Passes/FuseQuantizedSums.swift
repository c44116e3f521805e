// QuantizedConv + QLinearAdd → QuantizedConv that adds on the way out of it.

import LTCore
import LTGraph

struct FuseQuantizedSums: Pass {
    func apply(_ graph: Graph) throws(LTError) -> Graph {
        guard graph.nodes.contains(where: { $0.opType == "QuantizedConv" }) else { return graph }
        var nodes: [Node?] = graph.nodes
        let (reads, makers) = (graph.readCounts, graph.makers)
        let facts = try Inference(graph)
        for (index, sum) in graph.nodes.enumerated() {
            guard sum.domain == "com.microsoft", sum.opType == "QLinearAdd", sum.inputs.count == 8,
                let output = sum.singleOutput, let dims = facts[output]?.dims
            else { continue }
            // Of two convolutions the later one: only one of the two values has to be kept then.
            let places = [0, 3].sorted { makers[sum.inputs[$0]] ?? -1 > makers[sum.inputs[$1]] ?? -1 }
            for place in places {
                let value = sum.inputs[place]
                guard reads[value] == 1, let maker = makers[value], var node = nodes[maker],
                    node.domain == "longtail", node.opType == "QuantizedConv", node.inputs.count < 10,
                    node.attributes["activation"] == nil, facts[value]?.dims == dims,
                    facts[sum.inputs[3 - place]]?.dims == dims
                else { continue }
                let other = 3 - place
                while node.inputs.count < 9 { node.inputs.append("") }
                node.inputs += [sum.inputs[other], sum.inputs[other + 1], sum.inputs[other + 2]]
                node.inputs += [node.inputs[6], node.inputs[7]]
                (node.inputs[6], node.inputs[7]) = (sum.inputs[6], sum.inputs[7])
                node.outputs = sum.outputs
                nodes[maker] = nil
                nodes[index] = node
                break
            }
        }
        var result = graph
        result.nodes = nodes.compactMap { $0 }
        return result
    }
}
