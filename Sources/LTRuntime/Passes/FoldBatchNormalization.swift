// Folds an inference BatchNormalization into the Conv, ConvTranspose or Gemm before it: with s = scale / sqrt(var + epsilon),
// W' = s W per output channel and b' = s (b - mean) + bias. Sums run in double.

import LTCore
import LTGraph

struct FoldBatchNormalization: Pass {
    func apply(_ graph: Graph) throws(LTError) -> Graph {
        var result = graph
        let reads = graph.readCounts
        let makers = graph.makers
        var dropped: Set<Int> = []
        for (index, node) in graph.nodes.enumerated() {
            guard let affine = try ChannelScale(node, graph), let input = node.inputs.first,
                let maker = makers[input], reads[input] == 1, !dropped.contains(maker)
            else { continue }
            var producer = result.nodes[maker]
            guard producer.isDefaultDomain, producer.singleOutput == input,
                try fold(affine, into: &producer, &result)
            else { continue }
            producer.outputs[0] = node.outputs[0]
            result.nodes[maker] = producer
            dropped.insert(index)
        }
        result.nodes = result.nodes.enumerated().filter { !dropped.contains($0.offset) }.map(\.element)
        return result
    }

    private func fold(
        _ affine: ChannelScale, into node: inout Node, _ graph: inout Graph
    ) throws(LTError) -> Bool {
        guard node.inputs.count >= 2, let weights = graph.initializers[node.inputs[1]], weights.type == .float32 else {
            return false
        }
        let axis: Int
        var bias = [Double](repeating: 0, count: affine.scale.count)
        switch node.opType {
        case "Conv":
            axis = 0
        case "ConvTranspose":
            guard try node.int("group") ?? 1 == 1 else { return false }
            axis = 1
        case "Gemm":
            guard try node.float("alpha") ?? 1 == 1, try node.float("beta") ?? 1 == 1, weights.shape.rank == 2 else {
                return false
            }
            axis = try node.int("transB") ?? 0 != 0 ? 0 : 1
        default: return false
        }
        guard weights.shape.rank > axis, weights.dims[axis] == affine.scale.count else { return false }
        if node.inputs.count > 2, !node.inputs[2].isEmpty {
            guard let old = graph.initializers[node.inputs[2]], old.type == .float32, old.count == bias.count,
                old.dims.last == bias.count
            else { return false }
            bias = old.elements(Float.self).map(Double.init)
        }
        let inner = weights.shape.dims.dropFirst(axis + 1).reduce(1, *)
        guard let scaled = try affine.scaled(weights, inner: inner) else { return false }
        let shifted = zip(bias, affine.scale).map { $0 * $1 }
        let newBias = try Tensor(zip(shifted, affine.shift).map { Float($0 + $1) })
        let base = node.outputs[0]
        let weightName = graph.freshName(base + "/weight")
        graph.initializers[weightName] = scaled
        let biasName = graph.freshName(base + "/bias")
        graph.initializers[biasName] = newBias
        node.inputs = [node.inputs[0], weightName, biasName]
        return true
    }
}

/// An inference BatchNormalization as x · scale + shift per channel.
struct ChannelScale {
    let scale: [Double]
    let shift: [Double]

    /// Reads the node; nil for other operators, training, parameters that are not constant, or a variance that is
    /// not positive.
    init?(_ node: Node, _ graph: Graph) throws(LTError) {
        guard node.isDefaultDomain, node.opType == "BatchNormalization", node.inputs.count == 5,
            node.singleOutput != nil, graph.opset(of: node) >= 7,
            // Before opset 14 it is the number of outputs that asks for training, whoever reads them.
            graph.opset(of: node) < 14 ? node.outputs.count == 1 : try node.int("training_mode") ?? 0 == 0
        else { return nil }
        var parameters: [[Double]] = []
        for name in node.inputs.dropFirst() {
            guard let tensor = graph.initializers[name], tensor.type == .float32, tensor.shape.rank == 1 else {
                return nil
            }
            parameters.append(tensor.elements(Float.self).map(Double.init))
        }
        let channels = parameters[0].count
        guard parameters.allSatisfy({ $0.count == channels }) else { return nil }
        let epsilon = Double(try node.float("epsilon") ?? 1e-5)
        var scale: [Double] = []
        var shift: [Double] = []
        for channel in 0..<channels {
            let variance = parameters[3][channel] + epsilon
            guard variance > 0, variance.isFinite else { return nil }
            let factor = parameters[0][channel] / variance.squareRoot()
            scale.append(factor)
            shift.append(parameters[1][channel] - parameters[2][channel] * factor)
        }
        self.scale = scale
        self.shift = shift
    }

    /// The weights times the scale of their channel, which changes every `inner` elements; nil where a product is not finite.
    /// They are made when somebody wants them.
    fileprivate func scaled(_ weights: Tensor, inner: Int) throws(LTError) -> Tensor? {
        let isFinite = try weights.withBytes { bytes throws(LTError) in
            let source = bytes.assumingMemoryBound(to: Float.self)
            return rows(weights.count, inner) { row, factor in
                var good = true
                for position in row {
                    let product = Float(Double(source[position]) * factor)
                    good = good && (product.isFinite || !source[position].isFinite)
                }
                return good
            }
        }
        guard isFinite else { return nil }
        let buffer = try Buffer(byteCount: weights.byteCount) { [self] target throws(LTError) in
            let target = target.assumingMemoryBound(to: Float.self)
            try weights.withBytes { bytes throws(LTError) in
                let source = bytes.assumingMemoryBound(to: Float.self)
                _ = rows(weights.count, inner) { row, factor in
                    for position in row { target[position] = Float(Double(source[position]) * factor) }
                    return true
                }
            }
        }
        return Tensor(.float32, weights.shape, buffer: buffer)
    }

    /// Runs of `inner` elements with their factor, until `body` says no.
    private func rows(_ count: Int, _ inner: Int, _ body: (Range<Int>, Double) -> Bool) -> Bool {
        for (index, start) in stride(from: 0, to: count, by: max(inner, 1)).enumerated() {
            guard body(start..<start + inner, scale[index % scale.count]) else { return false }
        }
        return true
    }
}
