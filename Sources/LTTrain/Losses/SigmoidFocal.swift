// Sigmoid focal loss (Lin et al., arXiv:1708.02002): l = α_t (1 − p_t)^γ · bce, p_t the probability of the right side.
// α_t here is one balance factor for both sides, as in the Distribution-Balanced code.

import LTCore

public struct SigmoidFocal: Loss {
    public static let name = "sigmoid-focal"
    public static let summary = "focal loss per class: balance·(1 − p_t)^gamma·bce"
    public static let paper = "Lin et al., ICCV 2017, arXiv:1708.02002"
    public static let formula = "mean of balance · (1 − p_t)^gamma · bce"
    public static let defaults = "gamma 2, balance 0.25, loss_weight 1"
    public static let activation = "sigmoid"

    public var gamma: Double
    public var balance: Double
    public var reduction: Reduction
    public var lossWeight: Double

    public init(gamma: Double = 2, balance: Double = 0.25, reduction: Reduction = .mean, lossWeight: Double = 1) {
        self.gamma = gamma
        self.balance = balance
        self.reduction = reduction
        self.lossWeight = lossWeight
    }

    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        self.init(
            gamma: try section.focusing("gamma") ?? 2, balance: try section.double("balance", in: 0...1e6) ?? 0.25,
            lossWeight: try section.lossWeight())
        try section.finish()
    }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        let l = try input.logits.binaryCrossEntropy(input.targets)
        return try reduction(l.focal(gamma: gamma, balance: balance)) * lossWeight
    }
}
