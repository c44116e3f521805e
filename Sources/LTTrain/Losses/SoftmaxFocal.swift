// Focal loss on softmax (Lin et al., ICCV 2017, arXiv:1708.02002): l = scale · w_t (1 − p_t)^γ · CE. The modulating factor is a
// constant in the gradient (`detach`, as in the CDB code) or not. `weighted_probability`: p_t = exp(−w_t CE), as the IB code
// has it (scale 10, detach false). `k_positive`: t = y / Σ_c y, elements −t_c ln softmax(x)_c, mean over N·C.

import LTCore

public struct SoftmaxFocal: Loss {
    public static let name = "focal"
    public static let summary =
        "focal loss on softmax, class weights; the modulating factor constant unless `detach` is off"
    public static let paper = "Lin et al., ICCV 2017, arXiv:1708.02002"
    public static let formula = "mean of scale · w_t (1 − p_t)^gamma · CE"
    public static let defaults =
        "gamma 1, detach true, scale 1, weights none, weighted_probability false, k_positive false, loss_weight 1"
    public static let activation = "softmax"

    public var gamma: Double
    public var detach: Bool
    public var scale: Double
    public var weights: ClassWeights
    public var weightedProbability: Bool
    public var kPositive: Bool
    public var reduction: Reduction
    public var lossWeight: Double

    public init(
        gamma: Double = 1, detach: Bool = true, scale: Double = 1, weights: ClassWeights = .none,
        weightedProbability: Bool = false, kPositive: Bool = false, reduction: Reduction = .mean, lossWeight: Double = 1
    ) {
        self.gamma = gamma
        self.detach = detach
        self.scale = scale
        self.weights = weights
        self.weightedProbability = weightedProbability
        self.kPositive = kPositive
        self.reduction = reduction
        self.lossWeight = lossWeight
    }

    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        let detach = try section.bool("detach") ?? true
        self.init(
            gamma: try section.focusing("gamma", constant: detach) ?? 1, detach: detach,
            scale: try section.double("scale", in: 0...1e6) ?? 1,
            weights: try ClassWeights(section, classes: classes),
            weightedProbability: try section.bool("weighted_probability") ?? false,
            kPositive: try section.bool("k_positive") ?? false, lossWeight: try section.lossWeight())
        try section.finish()
    }

    public var needsSingleLabels: Bool { !kPositive }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        try reduction(elements(input)) * lossWeight
    }

    /// The loss of each image [N], or with `k_positive` of each element [N, C].
    public func elements(_ input: LossInput) throws(LTError) -> TorchTensor {
        if kPositive {
            var targets = try input.targets.sharedAmongPositives()
            if let row = try weights.row(input) { targets = try targets * row }
            return try modulated((targets * input.logits.logSoftmax(axis: 1)).negated(), weight: nil)
        }
        return try modulated(input.logits.crossEntropy(input.targets), weight: weights.perImage(input))
    }

    func modulated(_ plain: TorchTensor, weight: TorchTensor?) throws(LTError) -> TorchTensor {
        let weighted = if let weight { try plain * weight } else { plain }
        let base = weightedProbability ? weighted : plain
        let modulation = try (detach ? base.detached() : base).focalModulation(gamma: gamma)
        return try modulation * weighted * scale
    }
}
