// The reference backend: runs every node with its operator's own kernel, in the file's order. No fusion, no layouts, one
// thread: what every fast path is compared with.

import LTCore
import LTGraph

/// Plain kernels, one node after the other.
public struct ReferenceBackend: Backend {
    public init() {}
    public var name: String { "reference" }

    public func compile(_ graph: Graph, _ options: PlanOptions) throws(LTError) -> any BackendPlan {
        _ = try Inference(graph)
        return try ReferencePlan(graph)
    }
}

/// A graph's operators and, of nodes with subgraphs, the plans of these.
struct ReferencePlan: BackendPlan {
    struct Step: Sendable {
        let node: Node
        let op: any ValueOperator
        var bodies: [String: ReferencePlan] = [:]
        /// Values that no later node reads.
        var dead: [String] = []
    }

    let graph: Graph
    let steps: [Step]
    /// Values of the graphs around it that the graph reads.
    let captured: Set<String>

    init(_ graph: Graph) throws(LTError) {
        for tensor in graph.initializers.values { try tensor.buffer.load() }
        self.graph = graph
        captured = graph.freeNames
        var steps: [Step] = []
        for node in graph.nodes {
            do throws(LTError) {
                var step = Step(node: node, op: try OperatorTable.bind(node, opset: graph.opset(of: node)))
                for (name, body) in node.bodies { step.bodies[name] = try ReferencePlan(graph.opened(body)) }
                steps.append(step)
            } catch {
                throw error.inside(node.label)
            }
        }
        var seen = Set(graph.outputs.map(\.name)).union(graph.initializers.keys)
        for index in graph.nodes.indices.reversed() {
            let node = graph.nodes[index]
            for name in node.outputs + node.inputs + node.capturedNames.sorted()
            where !name.isEmpty && seen.insert(name).inserted {
                steps[index].dead.append(name)
            }
        }
        self.steps = steps
    }

    func makeSession() throws(LTError) -> any BackendSession { ReferenceSession(self) }

    func rows(_ inputs: [Shape]) throws(LTError) -> [PlanRow] {
        let inference = try Inference(graph, inputs: inputs)
        return graph.nodes.map { node in
            let shapes = node.inputs.map { inference[$0]?.shape?.dims }
            return row(node, shapes, inference[node.outputs.first ?? ""]?.shape?.dims)
        }
    }

    private func row(_ node: Node, _ inputs: [[Int]?], _ shape: [Int]?) -> PlanRow {
        PlanRow(
            node: node.name.isEmpty ? node.outputs.first ?? "" : node.name, op: node.opType, kernel: "reference",
            layout: "plain", device: "reference", shape: shape, flops: Work.flops(node, inputs, shape))
    }

    /// - Parameter outer: values of the graphs around it, among them the captured ones.
    func run(
        _ inputs: [ONNXValue], outer: [String: ONNXValue] = [:], profile: StepProfile? = nil,
        interruption: Interruption
    ) throws(LTError) -> [ONNXValue] {
        var values: [String: ONNXValue] = [:]
        for name in captured { values[name] = outer[name] }
        for (name, tensor) in graph.initializers { values[name] = .tensor(tensor) }
        for (info, value) in zip(graph.runtimeInputs, inputs) { values[info.name] = value }
        for step in steps {
            do throws(LTError) {
                try interruption.check()
                let arguments = step.node.inputs.map { $0.isEmpty ? nil : values[$0] }
                let bodies = ReferenceBodies(plans: step.bodies, values: values, interruption: interruption)
                let results: [ONNXValue]
                if let profile {
                    var shape: [Int]?
                    results = try profile.time(row(step.node, arguments.map(\.dims), shape)) { () throws(LTError) in
                        let results = try step.op.run(arguments, bodies)
                        if case .tensor(let tensor)? = results.first { shape = tensor.dims }
                        return results
                    }
                } else {
                    results = try step.op.run(arguments, bodies)
                }
                for (name, value) in zip(step.node.outputs, results) where !name.isEmpty { values[name] = value }
            } catch {
                throw error.inside(step.node.label)
            }
            for name in step.dead { values[name] = nil }
        }
        var outputs: [ONNXValue] = []
        for output in graph.outputs {
            guard let value = values[output.name] else {
                throw LTError(.malformed, "output '\(output.name)' was not made")
            }
            outputs.append(value)
        }
        return outputs
    }
}

/// The subgraphs of one node, with the values that they capture.
private struct ReferenceBodies: BodyRunner {
    let plans: [String: ReferencePlan]
    let values: [String: ONNXValue]
    let interruption: Interruption

    func run(_ body: String, _ inputs: [ONNXValue]) throws(LTError) -> [ONNXValue] {
        guard let plan = plans[body] else {
            throw LTError(.malformed, "attribute '\(body)' is missing, expected a graph")
        }
        try plan.graph.checkCount(inputs.count)
        // A loop goes on over a subgraph without nodes, too.
        try interruption.check()
        return try plan.run(inputs, outer: values, interruption: interruption)
    }
}

final class ReferenceSession: BackendSession {
    private let plan: ReferencePlan

    init(_ plan: ReferencePlan) { self.plan = plan }

    func run(
        _ inputs: [ONNXValue], profile: StepProfile?, interruption: Interruption
    ) throws(LTError) -> [ONNXValue] {
        try plan.run(inputs, profile: profile, interruption: interruption)
    }
}

extension ONNXValue? {
    /// The shape of a tensor.
    fileprivate var dims: [Int]? {
        if case .tensor(let tensor)? = self { tensor.dims } else { nil }
    }
}
