// Gemm and MatMul with constant weights, and the addition of a constant bias after it, become Linear: Y = X W + b over the
// last axis of X.

import LTCore
import LTGraph
import OrderedCollections

struct FormLinear: Pass {
    func apply(_ graph: Graph) throws(LTError) -> Graph {
        var result = graph
        let reads = graph.readCounts
        let readers = graph.readers
        let facts = try Inference(graph)
        var dropped: Set<Int> = []
        for (index, node) in graph.nodes.enumerated() where node.isDefaultDomain && !dropped.contains(index) {
            guard node.inputs.count >= 2, let weights = graph.initializers[node.inputs[1]], weights.type == .float32,
                weights.shape.rank == 2, let output = node.singleOutput
            else { continue }
            var inputs = Array(node.inputs.prefix(2))
            var attributes: OrderedDictionary<String, Attribute> = [:]
            var target = output
            switch node.opType {
            case "Gemm":
                guard try node.float("alpha") ?? 1 == 1, try node.float("beta") ?? 1 == 1,
                    try node.int("transA") ?? 0 == 0
                else { continue }
                let transposed = try node.int("transB") ?? 0 != 0
                attributes["transB"] = .int(transposed ? 1 : 0)
                if node.inputs.count > 2, !node.inputs[2].isEmpty {
                    guard let bias = graph.initializers[node.inputs[2]],
                        bias.type == .float32, bias.count == weights.dims[transposed ? 0 : 1],
                        bias.dims.last == bias.count
                    else { continue }
                    let name = result.freshName(output + "/bias")
                    result.initializers[name] = try bias.reshaped(try Shape([bias.count]))
                    inputs.append(name)
                }
            case "MatMul":
                guard let rank = facts[node.inputs[0]]?.dims?.count, rank >= 2 else { continue }
                if reads[output] == 1, let next = readers[output]?.first, graph.nodes[next].opType == "Add",
                    graph.nodes[next].isDefaultDomain,
                    let other = graph.nodes[next].inputs.first(where: { $0 != output }),
                    let bias = graph.initializers[other], bias.type == .float32, bias.shape.rank == 1,
                    bias.count == weights.dims[1]
                {
                    inputs.append(other)
                    target = graph.nodes[next].outputs[0]
                    dropped.insert(next)
                }
            default: continue
            }
            result.nodes[index] = Node(
                "Linear", name: node.name, domain: LinearOperator.schema.domain, inputs: inputs, outputs: [target],
                attributes: attributes)
            result.opsets["longtail"] = 1
        }
        result.nodes = result.nodes.enumerated().filter { !dropped.contains($0.offset) }.map(\.element)
        return result
    }
}
