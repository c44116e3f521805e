// The reference backend: runs every node with its operator's own kernel, in the file's order. No fusion, no layouts, one
// thread: what every fast path is compared with.

import LTCore
import LTGraph

/// Plain kernels, one node after the other.
public struct ReferenceBackend: Backend {
    public init() {}
    public var name: String { "reference" }

    public func compile(_ graph: Graph, _ options: PlanOptions) throws(LTError) -> any BackendPlan {
        ReferencePlan(graph: graph, operators: try Inference(graph).operators)
    }
}

struct ReferencePlan: BackendPlan {
    let graph: Graph
    let operators: [any Operator]
    /// Values that no later node reads, per node.
    let dead: [[String]]

    init(graph: Graph, operators: [any Operator]) {
        self.graph = graph
        self.operators = operators
        let kept = Set(graph.outputs.map(\.name)).union(graph.initializers.keys)
        var seen = kept
        var dead = [[String]](repeating: [], count: graph.nodes.count)
        for index in graph.nodes.indices.reversed() {
            for name in graph.nodes[index].outputs + graph.nodes[index].inputs
            where !name.isEmpty && seen.insert(name).inserted {
                dead[index].append(name)
            }
        }
        self.dead = dead
    }

    func makeSession() throws(LTError) -> any BackendSession { ReferenceSession(self) }

    func rows(_ inputs: [Shape]) throws(LTError) -> [PlanRow] {
        let inference = try Inference(graph, inputs: inputs)
        return graph.nodes.map { node in row(node, inference[node.outputs.first ?? ""]?.shape?.dims) }
    }

    func row(_ node: Node, _ shape: [Int]?) -> PlanRow {
        PlanRow(
            node: node.name.isEmpty ? node.outputs.first ?? "" : node.name, op: node.opType, kernel: "reference",
            layout: "plain", device: "reference", shape: shape)
    }
}

final class ReferenceSession: BackendSession {
    private let plan: ReferencePlan

    init(_ plan: ReferencePlan) { self.plan = plan }

    func run(_ inputs: [Tensor], profile: StepProfile?) throws(LTError) -> [Tensor] {
        var values: [String: Tensor] = [:]
        for (name, tensor) in plan.graph.initializers { values[name] = tensor }
        for (info, tensor) in zip(plan.graph.runtimeInputs, inputs) { values[info.name] = tensor }
        for (index, node) in plan.graph.nodes.enumerated() {
            do throws(LTError) {
                let arguments = node.inputs.map { $0.isEmpty ? nil : values[$0] }
                let op = plan.operators[index]
                let results: [Tensor]
                if let profile {
                    var shape: [Int]?
                    results = try profile.time(plan.row(node, shape)) { () throws(LTError) in
                        let results = try op.run(arguments)
                        shape = results.first?.dims
                        return results
                    }
                } else {
                    results = try op.run(arguments)
                }
                for (name, tensor) in zip(node.outputs, results) where !name.isEmpty { values[name] = tensor }
            } catch {
                throw error.inside(node.label)
            }
            for name in plan.dead[index] { values[name] = nil }
        }
        var outputs: [Tensor] = []
        for output in plan.graph.outputs {
            guard let tensor = values[output.name] else {
                throw LTError(.malformed, "output '\(output.name)' was not made")
            }
            outputs.append(tensor)
        }
        return outputs
    }
}
