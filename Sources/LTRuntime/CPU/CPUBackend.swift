// The cpu backend: fused nodes, blocked layouts, oneDNN and own SIMD kernels on one libgomp pool, one arena.

import LTCore
import LTGraph

/// This machine's CPU.
public struct CPUBackend: Backend {
    public init() {}
    public var name: String { "cpu" }

    public func compile(_ graph: Graph, _ options: PlanOptions) throws(LTError) -> any BackendPlan {
        try CPUPlan(graph, options)
    }
}
