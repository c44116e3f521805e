// CPUPlan: the rewritten graph, its packed weights and the programs made of it so far, one per set of input shapes.

import CLTKernels
import LTCore
import LTGraph

/// A graph bound to the CPU. Programs are made when a shape is first seen and kept, the latest few.
final class CPUPlan: BackendPlan {
    private static let keptPrograms = 8
    /// A subgraph that has met more shapes than this gets one program for all of them: carried values may grow with
    /// every iteration.
    private static let specialisedBodies = 16

    /// What the graph is to the plan that made this one.
    private enum Role { case model, body }

    typealias Bodies = [String: Result<CPUPlan, LTError>]

    let graph: Graph
    let context: KernelContext
    /// The plans of subgraphs, by the key of the node, then by the name of the attribute; the error of one that cannot be
    /// planned counts when it is run: it may be a branch that is never taken.
    private let bodies: [String: Bodies]
    /// Values of the graph around a subgraph that are its last inputs.
    let captured: [String]
    let notes: [String]
    private let role: Role
    private struct State {
        /// Most recently used first.
        var programs: [CPUProgram] = []
        var made = 0
    }
    /// The lock is held while a program is made, so that weights are packed once.
    private let state = Lock(State())

    init(_ graph: Graph, _ options: PlanOptions) throws(LTError) {
        let context = KernelContext(
            threads: options.threads,
            weights: WeightStore(options.cache.map { PackedFiles($0, options.precision) }),
            precision: options.precision, exact: options.exact)
        self.graph = try Buffer.withStaging { () throws(LTError) in try Passes.optimise(graph, options.precision) }
        self.context = context
        context.weights.keep(self.graph.initializers.lazy.map { ($0.key, $0.value) }, ofModel: true)
        bodies = try Self.bodies(of: self.graph, context)
        captured = []
        notes = options.precision.notes(graph)
        role = .model
    }

    /// A plan of a subgraph. Constants that it captures become its own, other captured values its last inputs.
    /// - Parameter given: what is known of the subgraph's own inputs.
    private init(
        body: Graph, given: [ValueFacts], of graph: Graph, _ facts: Inference, _ context: KernelContext
    ) throws(LTError) {
        var closed = graph.opened(body)
        var captured: [String] = []
        closed.inputs = zip(body.runtimeInputs, given).map { ValueInfo($0.name, $1.ofAnyShape.type) }
        for name in body.freeNames.sorted() {
            if let tensor = graph.initializers[name] {
                closed.initializers[name] = tensor
            } else {
                captured.append(name)
                closed.inputs.append(ValueInfo(name, facts.facts[name]?.ofAnyShape.type))
            }
        }
        self.graph = try Passes.optimise(closed, context.precision)
        self.context = context
        context.weights.keep(self.graph.initializers.lazy.map { ($0.key, $0.value) }, ofModel: false)
        bodies = try Self.bodies(of: self.graph, context)
        self.captured = captured
        notes = []
        role = .body
    }

    private static func bodies(of graph: Graph, _ context: KernelContext) throws(LTError) -> [String: Bodies] {
        guard graph.nodes.contains(where: { !$0.bodies.isEmpty }) else { return [:] }
        let facts = try Inference(graph)
        var plans: [String: Bodies] = [:]
        for (index, node) in graph.nodes.enumerated() where !node.bodies.isEmpty {
            plans[node.key] = try bodies(of: node, facts.operators[index], graph, facts, context)
        }
        return plans
    }

    private static func bodies(
        of node: Node, _ op: any ValueOperator, _ graph: Graph, _ facts: Inference, _ context: KernelContext
    ) throws(LTError) -> Bodies {
        var plans: Bodies = [:]
        do throws(LTError) {
            let recorder = BodyRecorder(Inference.Bodies(node, of: graph, facts.facts))
            _ = try op.infer(node.inputs.map { $0.isEmpty ? nil : facts.facts[$0] }, recorder)
            for (name, body) in node.bodies {
                // A branch that is never taken is not asked for.
                guard let given = recorder.given[name] else { continue }
                do throws(LTError) {
                    plans[name] = .success(try CPUPlan(body: body, given: given, of: graph, facts, context))
                } catch {
                    guard error.code != .outOfMemory else { throw error }
                    plans[name] = .failure(error)
                }
            }
        } catch {
            throw error.inside(node.label)
        }
        return plans
    }

    /// The plans of the node's subgraphs, by attribute. What only came to light for the shapes of a program, in a branch
    /// that these choose, is planned for it.
    func bodies(
        of node: Node, _ op: any ValueOperator, _ graph: Graph, _ facts: Inference
    ) throws(LTError) -> Bodies {
        if node.bodies.isEmpty { return [:] }
        if let planned = bodies[node.key] { return planned }
        return try Self.bodies(of: node, op, graph, facts, context)
    }

    func makeSession() throws(LTError) -> any BackendSession { try CPUSession(self) }

    func rows(_ inputs: [Shape]) throws(LTError) -> [PlanRow] {
        let program = try program(types: graph.runtimeInputs.map(\.type), inputs)
        return program.steps.map(program.row)
    }

    /// The program for inputs of these shapes; nil stands for values that are no tensors.
    /// `types` fill in where the graph states none.
    func program(types: [ValueType?], _ shapes: [Shape?]) throws(LTError) -> CPUProgram {
        lt_set_threads(Int32(context.threads))
        return try state.withLock { state throws(LTError) in
            if let index = state.programs.firstIndex(where: { $0.takes(shapes) }) {
                let found = state.programs.remove(at: index)
                state.programs.insert(found, at: 0)
                return found
            }
            var typed = graph
            for (index, type) in types.enumerated() where typed.inputs[index].type == nil {
                typed.inputs[index].type = type
            }
            state.made += 1
            let isGeneral = role == .body && state.made > Self.specialisedBodies
            let program = try Buffer.withStaging { () throws(LTError) in
                try CPUProgramBuilder.build(typed, isGeneral ? shapes.map { _ in nil } : shapes, self)
            }
            state.programs.insert(program, at: 0)
            if state.programs.count > Self.keptPrograms { state.programs.removeLast() }
            return program
        }
    }
}

/// Notes what an operator says of its subgraphs' inputs.
private final class BodyRecorder: BodyInference {
    private let bodies: Inference.Bodies
    private(set) var given: [String: [ValueFacts]] = [:]

    init(_ bodies: Inference.Bodies) { self.bodies = bodies }

    func infer(_ body: String, _ inputs: [ValueFacts]) throws(LTError) -> [ValueFacts] {
        given[body] = inputs
        return try bodies.infer(body, inputs)
    }
}

extension Node {
    /// Tells a node from the graph's others, also after passes that keep it.
    fileprivate var key: String { outputs.first { !$0.isEmpty } ?? "" }
}
