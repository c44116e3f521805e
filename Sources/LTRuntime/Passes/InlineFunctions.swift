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
        var state = State()
        result.nodes = try expand(graph.nodes, functions, &state)
        return result
    }

    private struct State {
        var calls = 0
        var nodes = 0
        var depth = 0
    }

    private struct Key: Hashable {
        let domain: String
        let name: String
        let overload: String
    }

    /// The nodes with every call replaced, in their subgraphs too.
    private func expand(_ nodes: [Node], _ functions: [Key: Function], _ state: inout State) throws(LTError) -> [Node] {
        var result: [Node] = []
        for node in nodes {
            if let function = functions[Key(domain: node.domain, name: node.opType, overload: node.overload)] {
                do throws(LTError) {
                    result += try body(of: function, for: node, functions, &state)
                } catch {
                    throw error.inside(node.label)
                }
                continue
            }
            state.nodes += 1
            guard state.nodes < Self.maxNodes else {
                throw LTError(.malformed, "functions expand to more than \(Self.maxNodes) nodes")
            }
            var node = node
            for (name, var graph) in node.bodies {
                graph.nodes = try expand(graph.nodes, functions, &state)
                node.attributes[name] = .graph(graph)
            }
            result.append(node)
        }
        return result
    }

    private func body(
        of function: Function, for node: Node, _ functions: [Key: Function], _ state: inout State
    ) throws(LTError) -> [Node] {
        guard state.depth < Self.maxDepth else {
            throw LTError(.malformed, "functions nest deeper than \(Self.maxDepth)")
        }
        guard node.inputs.count <= function.inputs.count, node.outputs.count <= function.outputs.count else {
            throw LTError(
                .malformed,
                "\(node.inputs.count) inputs and \(node.outputs.count) outputs, function '\(function.name)' has "
                    + "\(function.inputs.count) and \(function.outputs.count)")
        }
        state.calls += 1
        state.depth += 1
        defer { state.depth -= 1 }
        let prefix = "\(node.name.isEmpty ? function.name : node.name)#\(state.calls)/"
        var names: [String: String] = ["": ""]
        for (index, name) in function.inputs.enumerated() {
            names[name] = index < node.inputs.count ? node.inputs[index] : ""
        }
        var targets: [String: String] = [:]
        for (index, name) in function.outputs.enumerated() where index < node.outputs.count {
            if !node.outputs[index].isEmpty { targets[name] = node.outputs[index] }
        }
        var nodes: [Node] = []
        for name in function.outputs where names[name] != nil {
            // An output that is an input passes through a node of its own.
            guard let target = targets[name] else { continue }
            nodes.append(Node("Identity", name: prefix + name, inputs: [names[name] ?? ""], outputs: [target]))
        }
        var scope = names
        nodes += try copies(of: function.nodes, prefix, &scope, targets, caller: node, function)
        return try expand(nodes, functions, &state)
    }

    /// A function's nodes, or those of a subgraph in it, with the values renamed and attribute references resolved.
    private func copies(
        of nodes: [Node], _ prefix: String, _ names: inout [String: String], _ targets: [String: String], caller: Node,
        _ function: Function
    ) throws(LTError) -> [Node] {
        var copies: [Node] = []
        for inner in nodes {
            var copy = inner
            copy.name = prefix + inner.name
            copy.opset = (function.opsets[inner.domain] ?? (inner.domain.isEmpty ? function.opsets["ai.onnx"] : nil))
                .map { Int(clamping: $0) }
            copy.inputs = inner.inputs.map { names[$0] ?? prefix + $0 }
            for output in inner.outputs where !output.isEmpty { names[output] = targets[output] ?? prefix + output }
            copy.outputs = inner.outputs.map { names[$0] ?? "" }
            copy.attributes = [:]
            for (name, attribute) in inner.attributes {
                switch attribute {
                case .reference(let outer, _):
                    copy.attributes[name] = caller.attributes[outer] ?? function.attributeDefaults[outer]
                case .graph(var graph):
                    // Names of a subgraph are its own; what it captures is the function's.
                    var scope = names
                    for info in graph.inputs { scope[info.name] = prefix + info.name }
                    for name in graph.initializers.keys { scope[name] = prefix + name }
                    graph.inputs = graph.inputs.map { renamed($0, scope) }
                    graph.initializers = OrderedDictionary(
                        uniqueKeysWithValues: graph.initializers.map { (prefix + $0.key, $0.value) })
                    graph.nodes = try self.copies(of: graph.nodes, prefix, &scope, [:], caller: caller, function)
                    graph.outputs = graph.outputs.map { renamed($0, scope) }
                    copy.attributes[name] = .graph(graph)
                default: copy.attributes[name] = attribute
                }
            }
            copies.append(copy)
        }
        return copies
    }

    private func renamed(_ info: ValueInfo, _ names: [String: String]) -> ValueInfo {
        var info = info
        info.name = names[info.name] ?? info.name
        return info
    }
}
