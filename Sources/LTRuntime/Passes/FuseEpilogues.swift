// What follows a convolution, a Linear or a ChannelAffine and touches each element once runs on the way out of it:
// Conv + residual Add + activation → FusedConv; Linear + residual Add + activation; ChannelAffine + activation.

import LTCore
import LTGraph
import OrderedCollections

struct FuseEpilogues: Pass {
    /// Shapes of the runtime inputs in order where they are known; nil: as the file states them. An Add that may repeat its
    /// operand is no residual.
    var inputs: [Shape?]?

    init(inputs: [Shape?]? = nil) { self.inputs = inputs }

    func apply(_ graph: Graph) throws(LTError) -> Graph {
        var nodes: [Node?] = graph.nodes
        let reads = graph.readCounts
        let readers = graph.readers
        let facts = try Inference(graph, inputs: inputs)
        var result = graph
        /// The only node that reads `value`, not yet taken by another fusion.
        func onlyReader(_ value: String) -> Int? {
            guard reads[value] == 1, let index = readers[value]?.first, nodes[index] != nil else { return nil }
            return index
        }
        for index in graph.nodes.indices {
            guard var node = nodes[index], facts[node.outputs.first ?? ""]?.type == .float32,
                var output = node.singleOutput
            else { continue }
            let isConv = node.isDefaultDomain && node.opType == "Conv"
            let isOwn =
                node.domain == "longtail" && ["Linear", "ChannelAffine"].contains(node.opType)
                && node.attributes["activation"] == nil
            guard isConv || isOwn else { continue }
            var last = index
            let takesResidual = (isConv || node.opType == "Linear") && node.inputs.count < 4
            if takesResidual, let add = onlyReader(output), let sum = nodes[add], sum.isDefaultDomain,
                sum.opType == "Add", let residual = sum.inputs.first(where: { $0 != output }),
                graph.initializers[residual] == nil, let shape = facts[output]?.shape, facts[residual]?.shape == shape
            {
                while node.inputs.count < 3 { node.inputs.append("") }
                node.inputs.append(residual)
                output = sum.outputs[0]
                nodes[last] = nil
                last = add
            }
            if let next = onlyReader(output), let reader = nodes[next], reader.inputs.first == output,
                let activation = try Activation(following: reader, graph)
            {
                let (name, parameters) = activation.attributes
                node.attributes["activation"] = .string(name)
                node.attributes["activation_params"] = .floats(parameters)
                output = reader.outputs[0]
                nodes[last] = nil
                last = next
            }
            guard last != index else { continue }
            if isConv {
                node.opType = "FusedConv"
                node.domain = FusedConvOperator.schema.domain
                result.opsets["longtail"] = 1
            }
            node.outputs = [output]
            nodes[index] = nil
            nodes[last] = node
        }
        result.nodes = nodes.compactMap { $0 }
        return result
    }
}

extension Activation {
    /// The node as an activation of its first input; nil for other nodes.
    init?(following node: Node, _ graph: Graph) throws(LTError) {
        if node.domain == ActivationOperator.schema.domain, node.opType == "Activation" {
            try self.init(node)
            return
        }
        guard node.isDefaultDomain, node.singleOutput != nil else { return nil }
        switch node.opType {
        case "Relu": self = .relu
        case "LeakyRelu": self = .leakyRelu(alpha: try node.float("alpha") ?? 0.01)
        case "Sigmoid": self = .sigmoid
        case "Tanh": self = .tanh
        case "HardSigmoid":
            self = .hardSigmoid(alpha: try node.float("alpha") ?? 0.2, beta: try node.float("beta") ?? 0.5)
        case "HardSwish": self = .hardSwish
        case "Gelu":
            guard try node.string("approximate") ?? "none" == "none" else { return nil }
            self = .gelu
        case "Clip":
            var low = try node.float("min") ?? -Float.infinity
            var high = try node.float("max") ?? Float.infinity
            for (index, name) in node.inputs.enumerated().dropFirst() where !name.isEmpty {
                guard let bound = graph.scalar(name) else { return nil }
                if index == 1 { low = bound } else { high = bound }
            }
            guard low <= high else { return nil }
            self = .clip(low: low, high: high)
        default: return nil
        }
    }
}
