// A constant factor per column behind a Linear (layer scale) becomes part of its weights and bias.

import LTCore
import LTGraph

struct FoldScales: Pass {
    func apply(_ graph: Graph) throws(LTError) -> Graph {
        guard graph.nodes.contains(where: { $0.domain == LinearOperator.schema.domain && $0.opType == "Linear" })
        else { return graph }
        let makers = graph.makers
        let reads = graph.readCounts
        let facts = try Inference(graph)
        var result = graph
        var dropped: Set<Int> = []
        for (index, node) in graph.nodes.enumerated()
        where node.isDefaultDomain && node.opType == "Mul" && node.inputs.count == 2 {
            guard let position = node.inputs.firstIndex(where: { reads[$0] == 1 && makers[$0] != nil }),
                let maker = makers[node.inputs[position]], let scale = graph.initializers[node.inputs[1 - position]],
                scale.type == .float32, let rank = facts[node.inputs[position]]?.dims?.count, scale.shape.rank <= rank,
                let linear = try scaled(result.nodes[maker], by: scale, &result), !dropped.contains(maker)
            else { continue }
            result.nodes[maker] = linear
            result.nodes[maker].outputs = [node.outputs[0]]
            dropped.insert(index)
        }
        result.nodes = result.nodes.enumerated().filter { !dropped.contains($0.offset) }.map(\.element)
        return result
    }

    /// The Linear with its columns scaled; nil for other nodes and factors that are not one per column.
    private func scaled(_ node: Node, by scale: Tensor, _ graph: inout Graph) throws(LTError) -> Node? {
        guard node.domain == LinearOperator.schema.domain, node.opType == "Linear",
            node.attributes["activation"] == nil,
            node.inputs.count <= 3, let weights = graph.initializers[node.inputs[1]], weights.shape.rank == 2
        else { return nil }
        let transposed = try node.int("transB") ?? 0 != 0
        let width = weights.dims[transposed ? 0 : 1]
        guard scale.count == width, scale.dims.last == width else { return nil }
        let factors = Array(scale.elements(Float.self))
        // Where each column's weights stand: side by side, or one in each row.
        let (run, count) = (transposed ? weights.dims[1] : width, transposed ? width : weights.dims[0])
        // Factors up to 1 in size leave finite weights finite; others are tried, which takes a look at all weights.
        if !factors.allSatisfy({ abs($0) <= 1 }) {
            let isFinite = try weights.withBytes { bytes throws(LTError) in
                let source = bytes.assumingMemoryBound(to: Float.self)
                return (0..<count).allSatisfy { row in
                    (0..<run).allSatisfy { position in
                        let weight = source[row * run + position]
                        return (weight * factors[transposed ? row : position]).isFinite || !weight.isFinite
                    }
                }
            }
            guard isFinite else { return nil }
        }
        // Made when somebody wants them.
        let buffer = try Buffer(byteCount: weights.byteCount) { target throws(LTError) in
            let target = target.assumingMemoryBound(to: Float.self)
            try weights.withBytes { bytes throws(LTError) in
                guard let source = bytes.assumingMemoryBound(to: Float.self).baseAddress else { return }
                factors.withUnsafeBufferPointer { factors in
                    for row in 0..<count {
                        let (from, to) = (source + row * run, target + row * run)
                        if transposed {
                            let factor = factors[row]
                            for position in 0..<run { to[position] = from[position] * factor }
                        } else {
                            for position in 0..<run { to[position] = from[position] * factors[position] }
                        }
                    }
                }
            }
        }
        let product = Tensor(.float32, weights.shape, buffer: buffer)
        var linear = node
        let name = graph.freshName(node.outputs[0] + "/scaled")
        graph.initializers[name] = product
        linear.inputs[1] = name
        if node.inputs.count == 3, !node.inputs[2].isEmpty {
            guard let bias = graph.initializers[node.inputs[2]], bias.count == width else { return nil }
            let shifted = try Tensor(zip(bias.elements(Float.self), factors).map { $0 * $1 })
            let name = graph.freshName(node.outputs[0] + "/scaledBias")
            graph.initializers[name] = shifted
            linear.inputs[2] = name
        }
        return linear
    }
}
