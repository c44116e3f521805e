// x² and x³ spelt as Pow become products.

import LTCore
import LTGraph

struct ExpandPowers: Pass {
    func apply(_ graph: Graph) throws(LTError) -> Graph {
        guard graph.nodes.contains(where: { $0.opType == "Pow" }) else { return graph }
        let facts = try Inference(graph)
        var result = graph
        result.nodes = []
        for node in graph.nodes {
            guard node.isDefaultDomain, node.opType == "Pow", let output = node.singleOutput,
                let exponent = graph.scalar(node.inputs[1]), exponent == 2 || exponent == 3,
                let shape = graph.initializers[node.inputs[1]]?.shape,
                facts[node.inputs[0]]?.type == .float32, let dims = facts[node.inputs[0]]?.dims,
                dims.count >= shape.rank
            else {
                result.nodes.append(node)
                continue
            }
            let x = node.inputs[0]
            func multiply(_ other: String, as product: String) {
                var multiplication = Node("Mul", name: product, inputs: [other, x], outputs: [product])
                multiplication.opset = node.opset
                result.nodes.append(multiplication)
            }
            guard exponent == 3 else {
                multiply(x, as: output)
                continue
            }
            let square = graph.freshName(output + "/square")
            multiply(x, as: square)
            multiply(square, as: output)
        }
        return result
    }
}
