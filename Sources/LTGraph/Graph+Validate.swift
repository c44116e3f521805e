// Structure of a graph: every value that is read was made before, every name is made once (SSA), nesting and sizes are
// bounded, functions do not call themselves. What the operators mean is the operator table's business.

import LTCore

extension Graph {
    /// How deep graphs may lie in graphs.
    public static let maximumNesting = 30

    /// Checks the structure of the model, its subgraphs and functions.
    /// - Throws: `malformed`, naming node and value; `shapeMismatch` for stated shapes beyond what memory can address.
    public func validate() throws(LTError) {
        var validator = Validator()
        try validator.graph(self, depth: 0)
        try Validator.functions(functions)
    }
}

/// Walks graphs with the names in sight. Each name counts once per graph around the present one that makes it, so that
/// entering and leaving a graph costs its own names only.
private struct Validator {
    private var visible: [String: Int] = [:]

    mutating func graph(_ graph: Graph, depth: Int) throws(LTError) {
        guard depth <= Graph.maximumNesting else {
            throw LTError(.malformed, "graphs nest deeper than \(Graph.maximumNesting)")
        }
        var made: Set<String> = []
        for input in graph.inputs {
            guard !input.name.isEmpty else { throw LTError(.malformed, "an input has no name") }
            guard made.insert(input.name).inserted else {
                throw LTError(.malformed, "two inputs are called '\(input.name)'")
            }
        }
        // Before IR 4 every initializer is an input too.
        made.formUnion(graph.initializers.keys)
        made.formUnion(graph.sparseInitializers)
        for info in graph.inputs + graph.outputs { try Validator.sizes(info) }
        for info in graph.valueInfos.values { try Validator.sizes(info) }
        try body(graph.nodes, outputs: graph.outputs.map(\.name), made: made, depth: depth)
    }

    mutating func function(_ function: Function) throws(LTError) {
        var made: Set<String> = []
        for name in function.inputs {
            guard made.insert(name).inserted else { throw LTError(.malformed, "two inputs are called '\(name)'") }
        }
        for info in function.valueInfos.values { try Validator.sizes(info) }
        try body(function.nodes, outputs: function.outputs, made: made, depth: 0)
    }

    /// - Parameter given: the names that exist before the first node.
    private mutating func body(
        _ nodes: [Node], outputs: [String], made given: Set<String>, depth: Int
    ) throws(LTError) {
        var made = given
        for name in made { visible[name, default: 0] += 1 }
        for (index, node) in nodes.enumerated() {
            for name in node.inputs where !name.isEmpty && visible[name] == nil {
                throw Validator.missing(name, index, nodes).inside(node.label)
            }
            for (name, attribute) in node.attributes {
                for graph in attribute.graphs {
                    do {
                        try self.graph(graph, depth: depth + 1)
                    } catch { throw error.inside("attribute '\(name)'").inside(node.label) }
                }
            }
            for name in node.outputs where !name.isEmpty {
                guard made.insert(name).inserted else {
                    throw LTError(.malformed, "the value '\(name)' is made twice").inside(node.label)
                }
                visible[name, default: 0] += 1
            }
        }
        for name in outputs where visible[name] == nil {
            throw LTError(.malformed, "nothing makes the output '\(name)'")
        }
        for name in made {
            let count = visible[name] ?? 1
            visible[name] = count > 1 ? count - 1 : nil
        }
    }

    /// Why `nodes[index]` cannot read `name`: nobody makes it, a later node makes it, or a cycle.
    private static func missing(_ name: String, _ index: Int, _ nodes: [Node]) -> LTError {
        var producers: [String: Int] = [:]
        for (position, node) in nodes.enumerated() {
            for output in node.outputs where !output.isEmpty { producers[output] = position }
        }
        guard let producer = producers[name] else {
            return LTError(.malformed, "nothing makes the input '\(name)'")
        }
        // Does the producer need, over some path, what this node makes?
        var seen: Set<Int> = []
        var open = [producer]
        while let position = open.popLast() {
            if position == index {
                return LTError(
                    .malformed, "nodes form a cycle: '\(name)', made by \(nodes[producer].label), depends on this node")
            }
            guard seen.insert(position).inserted else { continue }
            open += nodes[position].inputs.compactMap { producers[$0] }
        }
        return LTError(
            .malformed,
            "the input '\(name)' is made later, by \(nodes[producer].label): nodes must be in topological order")
    }

    private static func sizes(_ info: ValueInfo) throws(LTError) {
        guard case .tensor(_, let dims?)? = info.type else { return }
        do {
            _ = try Shape(dims.map { $0.fixed ?? 1 })
        } catch { throw error.inside("value '\(info.name)'") }
    }

    static func functions(_ functions: [Function]) throws(LTError) {
        var indices: [[String]: Int] = [:]
        for (index, function) in functions.enumerated() {
            let key = [function.domain == "ai.onnx" ? "" : function.domain, function.name, function.overload]
            guard indices.updateValue(index, forKey: key) == nil else {
                throw LTError(.malformed, "two functions are called '\(function.name)' in domain '\(function.domain)'")
            }
        }
        var calls: [[Int]] = []
        for function in functions {
            do {
                var validator = Validator()
                try validator.function(function)
            } catch { throw error.inside("function '\(function.name)'") }
            calls.append(callees(function.nodes).compactMap { indices[$0] })
        }
        try acyclic(calls, functions)
    }

    /// Domain, name and overload of what the nodes and their subgraphs call.
    private static func callees(_ nodes: [Node]) -> [[String]] {
        nodes.flatMap { node in
            [[node.domain, node.opType, node.overload]]
                + node.attributes.values.flatMap { $0.graphs.flatMap { callees($0.nodes) } }
        }
    }

    /// Takes functions whose callees are all taken until none is left; what remains is on or above a cycle.
    private static func acyclic(_ calls: [[Int]], _ functions: [Function]) throws(LTError) {
        var callers = [[Int]](repeating: [], count: calls.count)
        var open = calls.map(\.count)
        for (caller, callees) in calls.enumerated() {
            for callee in callees { callers[callee].append(caller) }
        }
        var ready = open.indices.filter { open[$0] == 0 }
        var done = 0
        while let function = ready.popLast() {
            done += 1
            for caller in callers[function] {
                open[caller] -= 1
                if open[caller] == 0 { ready.append(caller) }
            }
        }
        guard done == calls.count, done == open.count else {
            let name = open.firstIndex { $0 > 0 }.map { functions[$0].name } ?? ""
            throw LTError(.malformed, "functions call each other in a circle").inside("function '\(name)'")
        }
    }
}

extension Attribute {
    /// The subgraphs that the attribute holds.
    public var graphs: [Graph] {
        switch self {
        case .graph(let graph): [graph]
        case .graphs(let list): list
        default: []
        }
    }
}
