// Balanced softmax (Ren et al., NeurIPS 2020, arXiv:2007.10740): cross entropy of n_c e^x_c / Σ_k n_k e^x_k, which is logit
// adjustment with τ = 1. Inference uses x as it is.

import LTCore

public struct BalancedSoftmax: Loss {
    public static let name = "balanced-softmax"
    public static let summary = "softmax cross entropy in which each class counts as often as it occurs"
    public static let paper = "Ren et al., NeurIPS 2020, arXiv:2007.10740"
    public static let formula = "mean of −ln(n_y e^x_y / Σ_k n_k e^x_k)"
    public static let defaults = "loss_weight 1"
    public static let activation = "softmax"

    private let adjustment: LogitAdjustment

    /// - Throws: `invalidArgument` naming a class without training images.
    public init(lossWeight: Double = 1, classes: ClassCounts) throws(LTError) {
        adjustment = try LogitAdjustment(tau: 1, lossWeight: lossWeight, classes: classes)
    }

    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        let lossWeight = try section.lossWeight()
        try section.finish()
        do { try self.init(lossWeight: lossWeight, classes: classes) } catch { throw error.inside(section.place) }
    }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor { try adjustment(input) }
}
