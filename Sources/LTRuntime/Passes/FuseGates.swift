// Squeeze and excitation (Hu et al. 2018): a factor per channel before a 1x1 convolution becomes the gate of a FusedConv, which
// multiplies its weights instead of every pixel.

import LTCore
import LTGraph

struct FuseGates: Pass {
    /// Shapes of the runtime inputs in order where they are known; nil: as the file states them.
    let inputs: [Shape?]?

    func apply(_ graph: Graph) throws(LTError) -> Graph {
        guard graph.nodes.contains(where: { $0.isDefaultDomain && $0.opType == "Mul" }) else { return graph }
        let (makers, reads) = (graph.makers, graph.readCounts)
        let facts = try Inference(graph, inputs: inputs)
        var result = graph
        for (index, node) in graph.nodes.enumerated() where try Self.takesGate(node, graph) {
            let product = node.inputs[0]
            guard reads[product] == 1, let maker = makers[product], let (x, gate) = operands(graph.nodes[maker], facts)
            else { continue }
            var conv = node
            conv.opType = "FusedConv"
            conv.domain = FusedConvOperator.schema.domain
            conv.inputs[0] = x
            while conv.inputs.count < 4 { conv.inputs.append("") }
            conv.inputs.append(gate)
            result.nodes[index] = conv
            result.opsets["longtail"] = 1
        }
        return try RemoveDeadCode().apply(result)
    }

    /// A 1x1 convolution of all channels, without padding, whose weights are known.
    private static func takesGate(_ node: Node, _ graph: Graph) throws(LTError) -> Bool {
        let isFused = node.domain == FusedConvOperator.schema.domain && node.opType == "FusedConv"
        guard isFused || (node.isDefaultDomain && node.opType == "Conv"), node.inputs.count < 5,
            let weights = graph.initializers[node.inputs[1]], weights.type == .float32, weights.shape.rank == 4,
            weights.dims[2...] == [1, 1], try node.int("group") ?? 1 == 1,
            (try node.ints("pads") ?? []).allSatisfy({ $0 == 0 }),
            node.inputs.count < 3 || node.inputs[2].isEmpty || graph.initializers[node.inputs[2]] != nil
        else { return false }
        return true
    }

    /// What is multiplied, an image of several pixels, and its factors, an image of one.
    private func operands(_ node: Node, _ facts: Inference) -> (x: String, gate: String)? {
        guard node.isDefaultDomain, node.opType == "Mul", node.inputs.count == 2, node.singleOutput != nil else {
            return nil
        }
        for (x, gate) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            guard facts[x]?.type == .float32, let dims = facts[x]?.shape?.dims, dims.count == 4, dims[2] * dims[3] > 1
            else { continue }
            if facts[gate]?.shape?.dims == [dims[0], dims[1], 1, 1] { return (x, gate) }
        }
        return nil
    }
}
