// What passes ask of a graph: who reads a value, who makes it, reading another value instead.

import LTCore
import LTGraph

extension Node {
    /// Names of outer values that the node's subgraphs read.
    var capturedNames: Set<String> {
        var names: Set<String> = []
        for attribute in attributes.values {
            switch attribute {
            case .graph(let graph): names.formUnion(graph.freeNames)
            case .graphs(let graphs): for graph in graphs { names.formUnion(graph.freeNames) }
            default: break
            }
        }
        return names
    }

    var isDefaultDomain: Bool { domain.isEmpty }

    /// The only output that has a name, if that is the first.
    var singleOutput: String? {
        guard let first = outputs.first, !first.isEmpty, outputs.dropFirst().allSatisfy(\.isEmpty) else { return nil }
        return first
    }
}

extension Graph {
    /// Names that the graph reads without defining them: what a subgraph captures.
    var freeNames: Set<String> {
        var defined = Set(initializers.keys)
        defined.formUnion(inputs.map(\.name))
        var free: Set<String> = []
        for node in nodes {
            free.formUnion(node.inputs.filter { !$0.isEmpty && !defined.contains($0) })
            free.formUnion(node.capturedNames.subtracting(defined))
            defined.formUnion(node.outputs)
        }
        free.formUnion(outputs.map(\.name).filter { !defined.contains($0) })
        return free
    }

    /// How often each value is read; being an output of the graph or read by a subgraph counts as two, so that such a value
    /// never looks like one that a single node reads.
    var readCounts: [String: Int] {
        var counts: [String: Int] = [:]
        for node in nodes {
            for input in node.inputs where !input.isEmpty { counts[input, default: 0] += 1 }
            for name in node.capturedNames { counts[name, default: 0] += 2 }
        }
        for output in outputs { counts[output.name, default: 0] += 2 }
        return counts
    }

    /// The position of the node that makes each value.
    var makers: [String: Int] {
        var makers: [String: Int] = [:]
        for (index, node) in nodes.enumerated() {
            for output in node.outputs where !output.isEmpty { makers[output] = index }
        }
        return makers
    }

    /// The positions of the nodes that read each value.
    var readers: [String: [Int]] {
        var readers: [String: [Int]] = [:]
        for (index, node) in nodes.enumerated() {
            for input in node.inputs where !input.isEmpty { readers[input, default: []].append(index) }
        }
        return readers
    }

    /// An initializer that is one number, as Float.
    func scalar(_ name: String) -> Float? {
        guard let tensor = initializers[name], tensor.count == 1 else { return nil }
        switch tensor.type {
        case .float32: return tensor.elements(Float.self)[0]
        case .float64: return Float(tensor.elements(Double.self)[0])
        default: return nil
        }
    }

    /// The names that values have already.
    var valueNames: Set<String> {
        var taken = Set(initializers.keys)
        for node in nodes { taken.formUnion(node.outputs) }
        taken.formUnion(inputs.map(\.name))
        return taken
    }

    /// A name that no value has yet.
    func freshName(_ base: String) -> String {
        let taken = valueNames
        var name = base
        var number = 1
        while taken.contains(name) {
            name = "\(base)_\(number)"
            number += 1
        }
        return name
    }
}
