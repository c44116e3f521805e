// Replaces calls of model-local functions by the functions' nodes. Values of a call get the call's prefix, attributes that
// refer to the caller's are resolved. https://onnx.ai/onnx/repo-docs/IR.html#functions

import LTCore
import LTGraph
import OrderedCollections

struct InlineFunctions: Pass {
    /// Nested calls beyond this depth, or more nodes than this, are taken for an attack.
    private static let maxDepth = 64
    private static let maxNodes = 1_000_000

    func apply(_ graph: Graph) throws(LTError) -> Graph {
        guard !graph.functions.isEmpty else { return graph }
        var functions: [Key: Function] = [:]
        for function in graph.functions {
            let key = Key(
                domain: function.domain == "ai.onnx" ? "" : function.domain, name: function.name,
                overload: function.overload)
            functions[key] = function
        }
        var result = graph
        result.functions = []
        result.nodes = []
        for function in graph.functions {
            for (domain, version) in function.opsets {
                let known = result.opsets[domain] ?? (domain == "ai.onnx" ? result.opsets[""] : nil)
                if let known, known != version {
                    throw LTError(
                        .unsupported,
                        "function '\(function.name)' imports opset \(version) of '\(domain)', the model \(known)")
                }
                if known == nil { result.opsets[domain] = version }
            }
        }
        var counter = 0
        for node in graph.nodes {
            try expand(node, functions, depth: 0, counter: &counter, into: &result.nodes)
        }
        return result
    }

    private struct Key: Hashable {
        let domain: String
        let name: String
        let overload: String
    }

    private func expand(
        _ node: Node, _ functions: [Key: Function], depth: Int, counter: inout Int, into nodes: inout [Node]
    ) throws(LTError) {
        guard let function = functions[Key(domain: node.domain, name: node.opType, overload: node.overload)] else {
            guard nodes.count < Self.maxNodes else {
                throw LTError(.malformed, "functions expand to more than \(Self.maxNodes) nodes")
            }
            nodes.append(node)
            return
        }
        guard depth < Self.maxDepth else {
            throw LTError(.malformed, "functions nest deeper than \(Self.maxDepth)").inside(node.label)
        }
        guard node.inputs.count <= function.inputs.count, node.outputs.count <= function.outputs.count else {
            throw LTError(
                .malformed,
                "\(node.inputs.count) inputs and \(node.outputs.count) outputs, function '\(function.name)' has "
                    + "\(function.inputs.count) and \(function.outputs.count)"
            ).inside(node.label)
        }
        counter += 1
        let prefix = "\(node.name.isEmpty ? function.name : node.name)#\(counter)/"
        var names: [String: String] = ["": ""]
        for (index, name) in function.inputs.enumerated() {
            names[name] = index < node.inputs.count ? node.inputs[index] : ""
        }
        var outputNames: [String: String] = [:]
        for (index, name) in function.outputs.enumerated() where index < node.outputs.count {
            if !node.outputs[index].isEmpty { outputNames[name] = node.outputs[index] }
        }
        for name in function.outputs where names[name] != nil {
            // An output that is an input passes through a node of its own.
            guard let target = outputNames[name] else { continue }
            nodes.append(Node("Identity", name: prefix + name, inputs: [names[name] ?? ""], outputs: [target]))
        }
        for inner in function.nodes {
            var copy = inner
            copy.name = prefix + inner.name
            copy.inputs = inner.inputs.map { names[$0] ?? prefix + $0 }
            copy.outputs = inner.outputs.map { output in
                if output.isEmpty { return "" }
                let name = outputNames[output] ?? prefix + output
                names[output] = name
                return name
            }
            copy.attributes = try resolve(inner.attributes, caller: node, function)
            try expand(copy, functions, depth: depth + 1, counter: &counter, into: &nodes)
        }
    }

    /// Attributes of an inner node with references replaced by the caller's value, else the function's default, else none.
    private func resolve(
        _ attributes: OrderedDictionary<String, Attribute>, caller: Node, _ function: Function
    ) throws(LTError) -> OrderedDictionary<String, Attribute> {
        var resolved: OrderedDictionary<String, Attribute> = [:]
        for (name, attribute) in attributes {
            switch attribute {
            case .reference(let outer, _):
                if let value = caller.attributes[outer] ?? function.attributeDefaults[outer] { resolved[name] = value }
            case .graph(var graph):
                for index in graph.nodes.indices {
                    graph.nodes[index].attributes = try resolve(graph.nodes[index].attributes, caller: caller, function)
                }
                resolved[name] = .graph(graph)
            default: resolved[name] = attribute
            }
        }
        return resolved
    }
}
