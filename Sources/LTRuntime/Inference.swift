// Inference: what is known of every value before anything runs, by walking the graph once through the operators' infer.

import LTCore
import LTGraph

/// The facts of a graph's values, and the operators of its nodes.
struct Inference: Sendable {
    private(set) var facts: [String: ValueFacts] = [:]
    /// One per node, in the graph's order.
    private(set) var operators: [any ValueOperator] = []

    /// Walks the graph. `inputs` gives shapes of runtime inputs, in order, where they are known; nil takes them as the
    /// file states them.
    /// - Throws: what operators find wrong, with the node's name.
    init(_ graph: Graph, inputs shapes: [Shape?]? = nil) throws(LTError) {
        try self.init(graph, given: try Self.inputs(of: graph, shapes))
    }

    /// - Parameter given: the facts of the runtime inputs and of captured values.
    init(_ graph: Graph, given: [String: ValueFacts]) throws(LTError) {
        facts = given
        for (name, tensor) in graph.initializers { facts[name] = .tensor(Facts(tensor)) }
        operators.reserveCapacity(graph.nodes.count)
        for node in graph.nodes {
            do throws(LTError) {
                let op = try OperatorTable.bind(node, opset: graph.opset(of: node))
                operators.append(op)
                let outputs = try Self.infer(node, op, of: graph, facts)
                for (name, fact) in zip(node.outputs, outputs) where !name.isEmpty { facts[name] = fact }
            } catch {
                throw error.inside(node.label)
            }
        }
    }

    /// What is known of the outputs of one node.
    static func infer(
        _ node: Node, _ op: any ValueOperator, of graph: Graph, _ facts: [String: ValueFacts]
    ) throws(LTError) -> [ValueFacts] {
        let inputs = node.inputs.map { $0.isEmpty ? nil : facts[$0] }
        var outputs = try op.infer(inputs, Bodies(node, of: graph, facts))
        try PartialElements.complete(&outputs, of: node, op, inputs)
        return outputs
    }

    /// What is known of the inputs that a caller feeds.
    static func inputs(of graph: Graph, _ shapes: [Shape?]?) throws(LTError) -> [String: ValueFacts] {
        var facts: [String: ValueFacts] = [:]
        for (index, input) in graph.runtimeInputs.enumerated() {
            switch input.type {
            case .tensor(let type?, let dims)?:
                let shape = shapes?[index]
                facts[input.name] = .tensor(Facts(type, shape.map { $0.dims.map(Optional.some) } ?? dims?.map(\.fixed)))
            case .sequence?, .optional?:
                if let type = input.type { facts[input.name] = .container(type) }
            default:
                throw LTError(
                    .unsupported, "input '\(input.name)' is no tensor, sequence or optional of known type, expected one"
                )
            }
        }
        return facts
    }

    /// The facts of a tensor; nil for other values.
    subscript(name: String) -> Facts? {
        if case .tensor(let facts)? = facts[name] { facts } else { nil }
    }

    /// The subgraphs of a node as inference sees them.
    struct Bodies: BodyInference {
        private let node: Node
        private let graph: Graph
        private let facts: [String: ValueFacts]

        init(_ node: Node, of graph: Graph, _ facts: [String: ValueFacts]) {
            self.node = node
            self.graph = graph
            self.facts = facts
        }

        func infer(_ name: String, _ inputs: [ValueFacts]) throws(LTError) -> [ValueFacts] {
            guard let body = node.bodies[name] else {
                throw LTError(.malformed, "attribute '\(name)' is missing, expected a graph")
            }
            return try within("attribute '\(name)'") { () throws(LTError) in
                try body.checkCount(inputs.count)
                var given: [String: ValueFacts] = [:]
                for name in body.freeNames { given[name] = facts[name] }
                for (info, fact) in zip(body.runtimeInputs, inputs) { given[info.name] = fact }
                let inference = try Inference(graph.opened(body), given: given)
                return try body.outputs.map { output throws(LTError) in
                    guard let fact = inference.facts[output.name] else {
                        throw LTError(.malformed, "output '\(output.name)' is made by no node")
                    }
                    return fact
                }
            }
        }
    }
}

extension Graph {
    /// A subgraph of this graph as a graph of its own: what the main graph states holds for it too.
    func opened(_ body: Graph) -> Graph {
        var body = body
        body.opsets = opsets
        return body
    }

    /// - Throws: `malformed` when a subgraph is not called with as many values as it takes.
    func checkCount(_ count: Int) throws(LTError) {
        guard runtimeInputs.count == count else {
            throw LTError(.malformed, "the subgraph takes \(runtimeInputs.count) inputs, expected \(count)")
        }
    }
}
