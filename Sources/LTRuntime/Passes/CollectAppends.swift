// A carried value of a Loop that each iteration only appends to (Concat on axis 0) is collected piece by piece instead of being
// copied whole in each iteration: the node becomes an AppendingLoop, whose body gives the pieces alone.

import LTCore
import LTGraph

struct CollectAppends: Pass {
    func apply(_ graph: Graph) throws(LTError) -> Graph {
        guard graph.nodes.contains(where: { $0.isDefaultDomain && $0.opType == "Loop" }) else { return graph }
        let facts = try Inference(graph)
        var result = graph
        for (index, node) in graph.nodes.enumerated() where node.isDefaultDomain && node.opType == "Loop" {
            guard var body = try node.graph("body"), node.inputs.count > 2 else { continue }
            let carried = node.inputs.count - 2
            guard body.runtimeInputs.count == carried + 2, body.outputs.count > carried else { continue }
            let (reads, makers) = (body.readCounts, body.makers)
            var appended: [Int] = []
            for place in 0..<carried {
                let (input, output) = (body.runtimeInputs[2 + place].name, body.outputs[1 + place].name)
                guard let type = facts[node.inputs[2 + place]]?.type, type != .string, type.bits >= 8,
                    reads[input] == 1, reads[output] == 2, let maker = makers[output],
                    body.nodes[maker].isDefaultDomain, body.nodes[maker].opType == "Concat",
                    try body.nodes[maker].int("axis") == 0, body.nodes[maker].inputs.count == 2,
                    body.nodes[maker].inputs[0] == input, makers[body.nodes[maker].inputs[1]] != nil
                else { continue }
                body.outputs[1 + place] = ValueInfo(body.nodes[maker].inputs[1])
                appended.append(place)
            }
            guard !appended.isEmpty else { continue }
            var changed = node
            changed.opType = AppendingLoopOperator.schema.name
            changed.domain = AppendingLoopOperator.schema.domain
            changed.attributes["body"] = .graph(try RemoveDeadCode().apply(body))
            changed.attributes["appended"] = .ints(appended.map { Int64($0) })
            result.nodes[index] = changed
            result.opsets[AppendingLoopOperator.schema.domain] = 1
        }
        return result
    }
}
