// Replaces calls of model-local functions by the functions' nodes. Values of a call get the call's prefix, attributes that
// refer to the caller's are resolved. https://onnx.ai/onnx/repo-docs/IR.html#functions

import LTCore
import OrderedCollections

extension Graph {
    /// The graph without functions, in subgraphs too.
    /// - Throws: `malformed` for calls that nest too deep, expand too far or do not fit their function.
    package func inliningFunctions() throws(LTError) -> Graph { try FunctionInliner().apply(self) }
}

private struct FunctionInliner {
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
        of function: Function, for caller: Node, _ functions: [Key: Function], _ state: inout State
    ) throws(LTError) -> [Node] {
        guard state.depth < Self.maxDepth else {
            throw LTError(.malformed, "functions nest deeper than \(Self.maxDepth)")
        }
        guard caller.inputs.count <= function.inputs.count, caller.outputs.count <= function.outputs.count else {
            throw LTError(
                .malformed,
                "\(caller.inputs.count) inputs and \(caller.outputs.count) outputs, function '\(function.name)' has "
                    + "\(function.inputs.count) and \(function.outputs.count)")
        }
        state.calls += 1
        state.depth += 1
        defer { state.depth -= 1 }
        let prefix = "\(caller.name.isEmpty ? function.name : caller.name)#\(state.calls)/"
        var names: [String: String] = [:]
        for (index, name) in function.inputs.enumerated() {
            names[name] = index < caller.inputs.count ? caller.inputs[index] : ""
        }
        var targets: [String: String] = [:]
        for (index, name) in function.outputs.enumerated() where index < caller.outputs.count {
            if !caller.outputs[index].isEmpty { targets[name] = caller.outputs[index] }
        }
        var nodes: [Node] = []
        for name in function.outputs where names[name] != nil {
            // An output that is an input passes through a node of its own.
            guard let target = targets[name] else { continue }
            nodes.append(Node("Identity", name: prefix + name, inputs: [names[name] ?? ""], outputs: [target]))
        }
        var renaming = Renaming(prefix: prefix, names: names, targets: targets) { node in
            node.opset =
                (function.opsets[node.domain] ?? (node.domain.isEmpty ? function.opsets["ai.onnx"] : nil))
                .map { Int(clamping: $0) }
            for (name, attribute) in node.attributes {
                guard case .reference(let outer, _) = attribute else { continue }
                node.attributes[name] = caller.attributes[outer] ?? function.attributeDefaults[outer]
            }
        }
        nodes += renaming.copies(of: function.nodes)
        return try expand(nodes, functions, &state)
    }
}
