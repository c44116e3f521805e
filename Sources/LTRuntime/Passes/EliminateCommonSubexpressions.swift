// Computes equal things once: nodes with the same operator, inputs and attributes.

import LTCore
import LTGraph

struct EliminateCommonSubexpressions: Pass {
    func apply(_ graph: Graph) throws(LTError) -> Graph {
        var result = graph
        result.nodes = []
        var renamed: [String: String] = [:]
        var seen: [String: Int] = [:]
        let outputs = Set(graph.outputs.map(\.name))
        let captured = graph.nodes.reduce(into: Set<String>()) { $0.formUnion($1.capturedNames) }
        for node in graph.nodes {
            var node = node
            node.inputs = node.inputs.map { renamed[$0] ?? $0 }
            guard let key = key(node),
                !node.outputs.contains(where: { outputs.contains($0) || captured.contains($0) })
            else {
                result.nodes.append(node)
                continue
            }
            if let first = seen[key] {
                let twin = result.nodes[first]
                for (name, same) in zip(node.outputs, twin.outputs) where !name.isEmpty { renamed[name] = same }
            } else {
                seen[key] = result.nodes.count
                result.nodes.append(node)
            }
        }
        return result
    }

    /// What makes two nodes equal; nil for nodes that are never merged (random ones, subgraphs, tensor attributes).
    private func key(_ node: Node) -> String? {
        guard !node.opType.hasPrefix("Random"), !["Multinomial", "Bernoulli", "Dropout"].contains(node.opType) else {
            return nil
        }
        var parts = ["\(node.domain)::\(node.opType)", node.inputs.joined(separator: "\u{1}")]
        parts.append(node.outputs.map { $0.isEmpty ? "0" : "1" }.joined())
        for (name, attribute) in node.attributes.sorted(by: { $0.key < $1.key }) {
            switch attribute {
            case .int(let value): parts.append("\(name)=i\(value)")
            case .float(let value): parts.append("\(name)=f\(value.bitPattern)")
            case .ints(let values): parts.append("\(name)=I\(values)")
            case .floats(let values): parts.append("\(name)=F\(values.map(\.bitPattern))")
            case .string(let bytes): parts.append("\(name)=s\(bytes)")
            case .strings(let values): parts.append("\(name)=S\(values)")
            default: return nil
            }
        }
        return parts.joined(separator: "\u{2}")
    }
}
