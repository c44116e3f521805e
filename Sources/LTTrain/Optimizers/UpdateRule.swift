// UpdateRule: how gradients change parameters. Rules are values; what they remember lies in the optimizer's slots.

import LTCore

/// How a gradient changes a parameter.
public protocol UpdateRule: Sendable {
    /// How recipes call it.
    static var name: String { get }
    static var summary: String { get }
    /// Reads the rule's own keys of the recipe's `optimizer` section.
    init(_ section: RecipeSection) throws(LTError)
    /// What is remembered for each parameter, as zeros of its shape at first.
    var slots: [String] { get }
    /// Changes parameters and slots in place, and may change the gradients; nothing is recorded.
    /// - Parameter step: counted from 1.
    func apply(_ update: ParameterUpdate, step: Int) throws(LTError)
}

/// What a rule works on: the parameters of one group, in one order.
public struct ParameterUpdate {
    public var parameters: [TorchTensor]
    public var gradients: [TorchTensor]
    /// By the rule's slots.
    public var slots: [[TorchTensor]]
    /// The learning rate of this group in this step.
    public var rate: Double
    public var weightDecay: Double

    /// g ← g + weightDecay·p: decay as a part of the gradient.
    func decayGradients() throws(LTError) {
        guard weightDecay != 0 else { return }
        try Torch.call(
            "_foreach_add_.List", [.tensors(gradients), .tensors(parameters), .double(weightDecay)])
    }
}

/// Every update rule, one line each.
public enum UpdateRuleTable {
    public static let all: [any UpdateRule.Type] = [
        Adam.self,
        AdamW.self,
        SGD.self,
    ]
}
