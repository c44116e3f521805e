// ScatterElements on axis 0 whose indices repeat one number over each row (Expand of [n, 1, …], as torchvision's pooling over
// levels writes it) becomes ScatterRows, which needs no index per element.

import LTCore
import LTGraph

struct FormScatterRows: Pass {
    func apply(_ graph: Graph) throws(LTError) -> Graph {
        guard graph.nodes.contains(where: { $0.opType == "ScatterElements" }) else { return graph }
        let facts = try Inference(graph)
        let makers = graph.makers
        var result = graph
        for (index, node) in graph.nodes.enumerated() where node.isDefaultDomain && node.opType == "ScatterElements" {
            guard node.inputs.count == 3, try node.int("axis") ?? 0 == 0,
                try node.string("reduction") ?? "none" == "none", let maker = makers[node.inputs[1]],
                graph.nodes[maker].isDefaultDomain, graph.nodes[maker].opType == "Expand",
                let rows = graph.nodes[maker].inputs.first, let dims = facts[rows]?.dims,
                dims.count > 1, dims.dropFirst().allSatisfy({ $0 == 1 }),
                let rank = facts[node.inputs[0]]?.dims?.count ?? facts[node.inputs[2]]?.dims?.count,
                rank == dims.count
            else { continue }
            result.nodes[index] = Node(
                ScatterRowsOperator.schema.name, name: node.name, domain: ScatterRowsOperator.schema.domain,
                inputs: [node.inputs[0], rows, node.inputs[2]], outputs: node.outputs)
            result.opsets[ScatterRowsOperator.schema.domain] = 1
        }
        return result
    }
}
