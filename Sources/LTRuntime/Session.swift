// Session: one running copy of a Plan with its scratch memory.

import LTCore
import LTGraph

/// One running copy of a plan. Used by one thread at a time: libgomp keeps a pool of helper threads per calling
/// thread, so call `run` from a long-lived thread (a pthread), never from Swift tasks or Dispatch.
public final class Session {
    public let plan: Plan
    private let bound: any BackendSession

    /// - Throws: `outOfMemory`.
    public init(_ plan: Plan) throws(LTError) {
        self.plan = plan
        bound = try plan.bound.makeSession()
    }

    /// Runs the model; the outputs own their memory, `plan.outputs` gives their order.
    /// The same inputs, threads and batch give the same bits.
    /// - Parameter interruption: checked before every node, also in every iteration of a loop. A session that was
    ///   interrupted can be used again at once.
    /// - Throws: `notFound`, `shapeMismatch` or `typeMismatch` for inputs that the model does not take and for outputs
    ///   that are no tensors; `cancelled` and `timedOut`; errors from within a run name the node.
    public func run(
        _ inputs: [String: Tensor], interruption: Interruption = .none
    ) throws(LTError) -> [String: Tensor] {
        try tensors(try run(inputs.mapValues { .tensor($0) }, nil, interruption))
    }

    /// The same for values of any kind: sequences and optionals as well as tensors.
    public func run(
        values: [String: ONNXValue], interruption: Interruption = .none
    ) throws(LTError) -> [String: ONNXValue] {
        try run(values, nil, interruption)
    }

    /// Runs the model and times every step.
    public func profile(
        _ inputs: [String: Tensor], interruption: Interruption = .none
    ) throws(LTError) -> (outputs: [String: Tensor], steps: [StepProfile.Entry]) {
        let profile = StepProfile()
        let outputs = try tensors(try run(inputs.mapValues { .tensor($0) }, profile, interruption))
        return (outputs, profile.entries)
    }

    private func run(
        _ inputs: [String: ONNXValue], _ profile: StepProfile?, _ interruption: Interruption
    ) throws(LTError) -> [String: ONNXValue] {
        try interruption.check()
        let results = try bound.run(try plan.ordered(inputs), profile: profile, interruption: interruption)
        var outputs: [String: ONNXValue] = [:]
        for (info, value) in zip(plan.outputs, results) { outputs[info.name] = value }
        return outputs
    }

    private func tensors(_ values: [String: ONNXValue]) throws(LTError) -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for (name, value) in values { tensors[name] = try value.tensor("output '\(name)'") }
        return tensors
    }
}
