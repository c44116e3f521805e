// Optimizer: turns collected gradients into new parameters: clips the gradient over all parameters, then lets the update
// rule change each group of parameters that share learning rate and decay.

import LTCore
import OrderedCollections

/// Named parameters and what the rule remembers of them.
public final class Optimizer {
    /// Parameters, by position, of one factor of the learning rate and one decay.
    private struct Group {
        var rateFactor: Double
        var weightDecay: Double
        var members: [Int] = []
    }

    public let options: OptimizerOptions
    private let names: [String]
    private let parameters: [TorchTensor]
    private let groups: [Group]
    private let slots: [[TorchTensor]]
    private var steps = 0
    /// Steps whose loss or gradient was no number.
    public private(set) var skipped = 0

    /// - Parameter parameters: leaves that require gradients.
    /// - Throws: `notFound` for a pattern that matches none.
    public init(_ parameters: OrderedDictionary<String, TorchTensor>, _ options: OptimizerOptions) throws(LTError) {
        self.options = options
        names = Array(parameters.keys)
        self.parameters = Array(parameters.values)
        try options.requireMatches(names)
        var groups: [Group] = []
        for (index, (name, parameter)) in parameters.elements.enumerated() {
            let (factor, decay) = options.values(name, rank: parameter.rank)
            let position = groups.firstIndex { $0.rateFactor == factor && $0.weightDecay == decay }
            if position == nil { groups.append(Group(rateFactor: factor, weightDecay: decay)) }
            groups[position ?? groups.count - 1].members.append(index)
        }
        self.groups = groups
        var slots: [[TorchTensor]] = []
        for _ in options.rule.slots {
            var slot: [TorchTensor] = []
            for parameter in parameters.values { slot.append(try Torch.one("zeros_like", [.tensor(parameter)])) }
            slots.append(slot)
        }
        self.slots = slots
    }

    /// Applies the collected gradients and clears them.
    /// - Returns: the gradient's norm before clipping.
    /// - Throws: `notFinite` when the norm is not a number; parameters are unchanged then.
    @discardableResult
    public func step(rate: Double) throws(LTError) -> Double {
        try Torch.withoutGrad { () throws(LTError) in try unrecordedStep(rate) }
    }

    /// Forgets the collected gradients: a step that changes nothing.
    public func skip() {
        clear()
        skipped += 1
    }

    /// The collected gradients, in the order of the parameters; they share memory.
    /// - Throws: `invalidArgument` naming a parameter that got none.
    func gradients() throws(LTError) -> [TorchTensor] {
        var gradients: [TorchTensor] = []
        for (name, parameter) in zip(names, parameters) {
            guard let gradient = try parameter.grad() else {
                throw LTError(.invalidArgument, "parameter '\(name)' got no gradient: the loss does not depend on it")
            }
            gradients.append(gradient)
        }
        return gradients
    }

    private func clear() { for parameter in parameters { parameter.clearGrad() } }

    private func unrecordedStep(_ rate: Double) throws(LTError) -> Double {
        let gradients = try gradients()
        let norm = try Self.norm(gradients)
        guard norm.isFinite else { throw LTError(.notFinite, "the gradient's norm is \(norm)") }
        defer { clear() }
        try clip(gradients, norm)
        steps += 1
        for group in groups {
            try options.rule.apply(
                ParameterUpdate(
                    parameters: group.members.map { parameters[$0] }, gradients: group.members.map { gradients[$0] },
                    slots: slots.map { slot in group.members.map { slot[$0] } }, rate: rate * group.rateFactor,
                    weightDecay: group.weightDecay),
                step: steps)
        }
        return norm
    }

    private static func norm(_ gradients: [TorchTensor]) throws(LTError) -> Double {
        let norms = try Torch.call("_foreach_norm.Scalar", [.tensors(gradients), .int(2)])
        return try Torch.one("linalg_vector_norm", [.tensor(Torch.one("stack", [.tensors(norms)])), .int(2)]).item()
    }

    private func clip(_ gradients: [TorchTensor], _ norm: Double) throws(LTError) {
        var norm = norm
        if let limit = options.clipValue {
            for gradient in gradients {
                try Torch.call("clamp_", [.tensor(gradient), .double(-limit), .double(limit)])
            }
            if options.clipNorm != nil { norm = try Self.norm(gradients) }
        }
        if let limit = options.clipNorm, norm > limit {
            try Torch.call("_foreach_mul_.Scalar", [.tensors(gradients), .double(limit / (norm + 1e-6))])
        }
    }

    /// Steps done and skipped, and the slots as `SLOT/PARAMETER`.
    public func state() throws(LTError) -> OrderedDictionary<String, Tensor> {
        var result: OrderedDictionary<String, Tensor> = [
            "steps": try Tensor(scalar: Int64(steps)), "skipped": try Tensor(scalar: Int64(skipped)),
        ]
        for (slot, tensors) in zip(options.rule.slots, slots) {
            for (name, tensor) in zip(names, tensors) { result["\(slot)/\(name)"] = try tensor.host() }
        }
        return result
    }

    /// Restores what `state` gave.
    /// - Throws: `notFound` naming what is missing.
    public func restore(_ state: OrderedDictionary<String, Tensor>) throws(LTError) {
        guard let steps = try state["steps"]?.array(of: Int64.self).first,
            let skipped = try state["skipped"]?.array(of: Int64.self).first
        else { throw LTError(.notFound, "no number of steps in the optimizer's state") }
        for (slot, tensors) in zip(options.rule.slots, slots) {
            for (name, tensor) in zip(names, tensors) {
                guard let saved = state["\(slot)/\(name)"], saved.dims == tensor.dims else {
                    throw LTError(.notFound, "no \(slot) for parameter '\(name)'")
                }
                try tensor.copy(from: try TorchTensor(saved))
            }
        }
        self.steps = Int(steps)
        self.skipped = Int(skipped)
    }
}
