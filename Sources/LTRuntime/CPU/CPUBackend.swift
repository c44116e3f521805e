// The cpu backend.

import LTCore
import LTGraph

/// This machine's CPU.
public struct CPUBackend: Backend {
    public init() {}
    public var name: String { "cpu" }

    public func compile(_ graph: Graph, _ options: PlanOptions) throws(LTError) -> any BackendPlan {
        ReferencePlan(graph: graph, operators: try Inference(graph).operators)
    }
}
