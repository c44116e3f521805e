// Asymmetric loss (Ridnik et al., ICCV 2021, arXiv:2009.14119), multi-label. p = s(x), p_m = max(p − clip, 0):
//   y = 1: −(1 − p)^γ₊ ln p,   y = 0: −p_m^γ₋ ln(1 − p_m);  sum over classes, mean over images.
// The focusing factors are constants in the gradient (`detach`, as in the reference code) or not.

import LTCore

public struct Asymmetric: Loss {
    public static let name = "asymmetric"
    public static let summary =
        "binary cross entropy that focuses on positives: easy negatives fade, the easiest are dropped"
    public static let paper = "Ridnik et al., ICCV 2021, arXiv:2009.14119"
    public static let formula =
        "mean over images of −Σ y (1−p)^γ₊ ln p + (1−y) p_m^γ₋ ln(1−p_m), p_m = max(p − clip, 0)"
    public static let defaults = "gamma_pos 0, gamma_neg 4, clip 0.05, detach true, loss_weight 1"
    public static let activation = "sigmoid"

    public var gammaPos: Double
    public var gammaNeg: Double
    public var clip: Double
    public var detach: Bool
    public var lossWeight: Double

    public init(
        gammaPos: Double = 0, gammaNeg: Double = 4, clip: Double = 0.05, detach: Bool = true, lossWeight: Double = 1
    ) {
        self.gammaPos = gammaPos
        self.gammaNeg = gammaNeg
        self.clip = clip
        self.detach = detach
        self.lossWeight = lossWeight
    }

    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        let detach = try section.bool("detach") ?? true
        self.init(
            gammaPos: try section.focusing("gamma_pos", constant: detach) ?? 0,
            gammaNeg: try section.focusing("gamma_neg", constant: detach) ?? 4,
            clip: try section.double("clip", in: 0...0.99) ?? 0.05, detach: detach,
            lossWeight: try section.lossWeight())
        try section.finish()
    }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        let (x, y) = (input.logits, input.targets)
        // ln s(x) and ln s(−x) do not overflow; above the clip 1 − p_m = s(−x) + clip.
        let logOfNegatives =
            clip == 0
            ? try x.negated().logSigmoid()
            : try Torch.one("clamp_max", [.tensor(try x.negated().sigmoid() + clip), .double(1)]).log()
        let positives = try weight(x.logSigmoid(), gammaPos)
        let negatives = try weight(logOfNegatives, gammaNeg)
        let elements = try (y * positives + (1 - y) * negatives).negated()
        return try elements.sum(axes: [1], keepdims: false).mean() * lossWeight
    }

    /// (1 − q)^γ ln q of a log probability ln q.
    private func weight(_ log: TorchTensor, _ gamma: Double) throws(LTError) -> TorchTensor {
        try (detach ? log.detached() : log).unary("expm1").negated().pow(gamma) * log
    }
}
