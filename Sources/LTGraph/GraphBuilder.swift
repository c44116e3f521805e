// GraphBuilder: writes a Graph node by node; names are unique, every method returns the name of the value it makes.

import LTCore
import OrderedCollections

/// Builds a graph for one opset of the default domain.
public struct GraphBuilder: Sendable {
    public private(set) var graph = Graph()
    private var taken: Set<String> = []
    private var takenByNodes: Set<String> = []

    public init(name: String, opset: Int = 17, irVersion: Int = 8) {
        graph.name = name
        graph.opsets[""] = Int64(opset)
        graph.irVersion = Int64(irVersion)
        graph.producerName = "longtail"
    }

    /// Declares an input and returns its name.
    public mutating func input(_ name: String, _ type: ElementType = .float32, _ dims: [Dimension]) -> String {
        graph.inputs.append(ValueInfo(name, type, dims))
        taken.insert(name)
        return name
    }

    /// Adds an initializer under exactly this name (a name already taken is our own bug) and returns it.
    public mutating func initializer(_ name: String, _ tensor: Tensor) -> String {
        precondition(taken.insert(name).inserted, "value '\(name)' exists already")
        graph.initializers[name] = tensor
        return name
    }

    /// Adds a node with one output. `name` names the node and its output; the output gets a number when the name is taken.
    public mutating func node(
        _ opType: String, _ inputs: [String], name: String? = nil, domain: String = "",
        attributes: OrderedDictionary<String, Attribute> = [:]
    ) -> String {
        nodes(opType, inputs, outputs: 1, name: name, domain: domain, attributes: attributes)[0]
    }

    /// Adds a node with several outputs and returns their names.
    public mutating func nodes(
        _ opType: String, _ inputs: [String], outputs count: Int, name: String? = nil, domain: String = "",
        attributes: OrderedDictionary<String, Attribute> = [:]
    ) -> [String] {
        let base = name ?? opType
        let outputs = (0..<count).map { Self.unique(count == 1 ? base : "\(base).\($0)", among: &taken) }
        // Some runtimes refuse two nodes of one name.
        let nodeName = Self.unique(name ?? outputs[0], among: &takenByNodes)
        graph.nodes.append(
            Node(
                opType, name: nodeName, domain: domain, inputs: inputs, outputs: outputs, attributes: attributes))
        return outputs
    }

    /// Declares `value` as a graph output called `name`: the node that makes it is rewired to that name; an input or an
    /// initializer reaches the output through an Identity.
    public mutating func output(
        _ value: String, as name: String? = nil, _ type: ElementType = .float32, _ dims: [Dimension]
    ) {
        let name = name ?? value
        let made = graph.nodes.contains { $0.outputs.contains(value) }
        if name != value {
            precondition(taken.insert(name).inserted, "value '\(name)' exists already")
            if made {
                for index in graph.nodes.indices {
                    graph.nodes[index].inputs = graph.nodes[index].inputs.map { $0 == value ? name : $0 }
                    graph.nodes[index].outputs = graph.nodes[index].outputs.map { $0 == value ? name : $0 }
                }
                // An output declared before keeps its name.
                if graph.outputs.contains(where: { $0.name == value }) {
                    graph.nodes.append(Node("Identity", name: value, inputs: [name], outputs: [value]))
                }
            } else {
                graph.nodes.append(Node("Identity", name: name, inputs: [value], outputs: [name]))
            }
        }
        graph.outputs.append(ValueInfo(name, type, dims))
    }

    /// Puts another graph's nodes here: initializers keep their names where these are free, or are those of an equal
    /// one; everything else gets `prefix` in front. Both graphs are of the same opset.
    /// - Parameter inputs: input of the graph → value that stands for it; all of them.
    /// - Returns: output of the graph → value that it became.
    public mutating func inline(_ part: Graph, prefix: String, inputs: [String: String]) -> [String: String] {
        precondition(part.opset == graph.opset, "opset \(part.opset) in a graph of opset \(graph.opset)")
        precondition(part.runtimeInputs.allSatisfy { inputs[$0.name] != nil }, "an input of '\(part.name)' is missing")
        var renaming = Renaming(prefix: prefix, names: inputs)
        for (name, tensor) in part.initializers {
            if let same = graph.initializers[name], same.type == tensor.type, same.shape == tensor.shape,
                same.bytes.elementsEqual(tensor.bytes)
            {
                continue
            }
            renaming.names[name] = initializer(taken.contains(name) ? prefix + name : name, tensor)
        }
        for node in renaming.copies(of: part.nodes) {
            for output in node.outputs where !output.isEmpty {
                precondition(taken.insert(output).inserted, "value '\(output)' exists already")
            }
            takenByNodes.insert(node.name)
            graph.nodes.append(node)
        }
        var outputs: [String: String] = [:]
        for output in part.outputs { outputs[output.name] = renaming.names[output.name] ?? output.name }
        return outputs
    }

    /// Writes `text` under `key` into the file's metadata.
    public mutating func metadata(_ key: String, _ text: String) { graph.metadata[key] = text }

    private static func unique(_ base: String, among taken: inout Set<String>) -> String {
        if taken.insert(base).inserted { return base }
        var number = 1
        while !taken.insert("\(base)_\(number)").inserted { number += 1 }
        return "\(base)_\(number)"
    }
}
