// Optimizer: turns collected gradients into new parameters: clips the gradient's L2 norm over all parameters, then lets an
// update rule change the parameters. Rules are values; what they remember lies in the optimizer's slots.

import LTCore
import OrderedCollections

/// How a gradient changes a parameter.
public protocol UpdateRule: Sendable {
    /// How recipes call it.
    static var name: String { get }
    static var summary: String { get }
    /// Reads the rule's own keys of the recipe's `optimizer` section.
    init(_ section: RecipeSection) throws(LTError)
    /// What is remembered for each parameter, as zeros of its shape at first.
    static var slots: [String] { get }
    /// Changes parameters and slots in place; nothing is recorded.
    /// - Parameter step: counted from 1.
    func apply(_ update: ParameterUpdate, rate: Double, step: Int) throws(LTError)
}

/// What a rule works on: lists in the order of the parameters.
public struct ParameterUpdate {
    public var parameters: [TorchTensor]
    public var gradients: [TorchTensor]
    /// By the rule's slots.
    public var slots: [[TorchTensor]]
    /// Positions of the parameters that are decayed, and by how much.
    public var decayed: [Int]
    public var weightDecay: Double
}

/// What every rule has.
public struct OptimizerOptions: Sendable {
    public var rule: any UpdateRule
    public var learningRate = 0.1
    public var weightDecay = 0.0
    /// Decay only parameters of two or more dimensions (not biases, nor scale and shift of normalisations).
    public var decaysWeightsOnly = false
    /// Patterns of parameters that are not decayed.
    public var undecayed: [String] = []
    /// Greatest L2 norm of the whole gradient; nil does not clip.
    public var clipNorm: Double?

    public init(_ rule: any UpdateRule) { self.rule = rule }

    enum Decayed: String, CaseIterable { case all, weights }
    /// Keys: `name`, `lr`, `weight_decay`, `decay`, `no_decay`, `clip_norm`, and the rule's.
    init(_ section: RecipeSection) throws(LTError) {
        rule = try section.named(UpdateRuleTable.all.map { ($0.name, $0) }).init(section)
        learningRate = try section.required("lr", section.double("lr", in: 0...1000))
        weightDecay = try section.double("weight_decay", in: 0...10) ?? 0
        decaysWeightsOnly = try section.choice("decay", Decayed.self) == .weights
        undecayed = try section.strings("no_decay") ?? []
        clipNorm = try section.double("clip_norm", in: 1e-6...1e9)
        try section.finish()
    }
}

/// Every update rule, one line each.
public enum UpdateRuleTable {
    public static let all: [any UpdateRule.Type] = [
        SGD.self
    ]
}

/// Named parameters and what the rule remembers of them.
public final class Optimizer {
    public let options: OptimizerOptions
    private let names: [String]
    private let parameters: [TorchTensor]
    private let decayed: [Int]
    private let slots: [[TorchTensor]]
    private var steps = 0

    /// - Parameter parameters: leaves that require gradients.
    public init(_ parameters: OrderedDictionary<String, TorchTensor>, _ options: OptimizerOptions) throws(LTError) {
        self.options = options
        names = Array(parameters.keys)
        self.parameters = Array(parameters.values)
        decayed = parameters.values.indices.filter { index in
            let (name, parameter) = parameters.elements[index]
            return !(options.decaysWeightsOnly && parameter.rank < 2)
                && !options.undecayed.contains { matches(name, pattern: $0) }
        }
        for pattern in options.undecayed where !parameters.keys.contains(where: { matches($0, pattern: pattern) }) {
            throw LTError(.notFound, "optimizer.no_decay: '\(pattern)' matches no trained parameter")
        }
        var slots: [[TorchTensor]] = []
        for _ in type(of: options.rule).slots {
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

    private func unrecordedStep(_ rate: Double) throws(LTError) -> Double {
        var gradients: [TorchTensor] = []
        for (name, parameter) in zip(names, parameters) {
            guard let gradient = try parameter.grad() else {
                throw LTError(.invalidArgument, "parameter '\(name)' got no gradient: the loss does not depend on it")
            }
            gradients.append(gradient)
        }
        defer { for parameter in parameters { parameter.clearGrad() } }
        let norms = try Torch.call("_foreach_norm.Scalar", [.tensors(gradients), .int(2)])
        let norm = try Torch.one("linalg_vector_norm", [.tensor(Torch.one("stack", [.tensors(norms)])), .int(2)]).item()
        guard norm.isFinite else { throw LTError(.notFinite, "the gradient's norm is \(norm)") }
        if let limit = options.clipNorm, norm > limit {
            try Torch.call("_foreach_mul_.Scalar", [.tensors(gradients), .double(limit / (norm + 1e-6))])
        }
        steps += 1
        let update = ParameterUpdate(
            parameters: parameters, gradients: gradients, slots: slots, decayed: decayed,
            weightDecay: options.weightDecay)
        try options.rule.apply(update, rate: rate, step: steps)
        return norm
    }

    /// Steps done and the slots, as `SLOT/PARAMETER`.
    public func state() throws(LTError) -> OrderedDictionary<String, Tensor> {
        var result: OrderedDictionary<String, Tensor> = ["steps": try Tensor(scalar: Int64(steps))]
        for (slot, tensors) in zip(type(of: options.rule).slots, slots) {
            for (name, tensor) in zip(names, tensors) { result["\(slot)/\(name)"] = try tensor.host() }
        }
        return result
    }

    /// Restores what `state` gave.
    /// - Throws: `notFound` naming a slot that is missing.
    public func restore(_ state: OrderedDictionary<String, Tensor>) throws(LTError) {
        guard let steps = try state["steps"]?.array(of: Int64.self).first else {
            throw LTError(.notFound, "no number of steps in the optimizer's state")
        }
        for (slot, tensors) in zip(type(of: options.rule).slots, slots) {
            for (name, tensor) in zip(names, tensors) {
                guard let saved = state["\(slot)/\(name)"], saved.dims == tensor.dims else {
                    throw LTError(.notFound, "no \(slot) for parameter '\(name)'")
                }
                try tensor.copy(from: try TorchTensor(saved))
            }
        }
        self.steps = Int(steps)
    }
}
