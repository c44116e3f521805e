// What BatchNormalization is left (behind a Concat, say) becomes one multiply-add per element: ChannelAffine.

import LTCore
import LTGraph

struct NormalisationToAffine: Pass {
    func apply(_ graph: Graph) throws(LTError) -> Graph {
        var result = graph
        for (index, node) in graph.nodes.enumerated() {
            guard let affine = try ChannelScale(node, graph) else { continue }
            let scale = result.freshName(node.outputs[0] + "/scale")
            result.initializers[scale] = try Tensor(affine.scale.map { Float($0) })
            let shift = result.freshName(node.outputs[0] + "/shift")
            result.initializers[shift] = try Tensor(affine.shift.map { Float($0) })
            result.nodes[index] = Node(
                "ChannelAffine", name: node.name, domain: ChannelAffineOperator.schema.domain,
                inputs: [node.inputs[0], scale, shift], outputs: [node.outputs[0]])
        }
        if result.nodes.contains(where: { $0.opType == "ChannelAffine" }) { result.opsets["longtail"] = 1 }
        return result
    }
}
