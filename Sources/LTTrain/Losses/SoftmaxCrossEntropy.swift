// Softmax cross entropy: l_i = −Σ_c t_ic ln softmax(x_i)_c. Single label: t one-hot, mean over images. k-positive form of
// the Distribution-Balanced code (`k_positive`): t = y / Σ_c y, mean over N·C elements.

import LTCore

public struct SoftmaxCrossEntropy: Loss {
    public static let name = "softmax-ce"
    public static let summary = "softmax cross entropy; `k_positive` for images with several labels"
    public static let paper = ""
    public static let formula = "mean of −Σ_c t_c ln softmax(x)_c"
    public static let defaults = "k_positive false, label_smoothing 0, loss_weight 1"
    public static let activation = "softmax"

    public var kPositive: Bool
    /// Share of the target that is spread evenly over the classes.
    public var labelSmoothing: Double
    public var reduction: Reduction
    public var lossWeight: Double

    public init(
        kPositive: Bool = false, labelSmoothing: Double = 0, reduction: Reduction = .mean, lossWeight: Double = 1
    ) {
        self.kPositive = kPositive
        self.labelSmoothing = labelSmoothing
        self.reduction = reduction
        self.lossWeight = lossWeight
    }

    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        self.init(
            kPositive: try section.bool("k_positive") ?? false,
            labelSmoothing: try section.double("label_smoothing", in: 0...1) ?? 0,
            lossWeight: try section.double("loss_weight", in: 0...1e6) ?? 1)
        try section.finish()
    }

    public var needsSingleLabels: Bool { !kPositive }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        let logits = input.logits
        var targets = input.targets
        if kPositive { targets = try targets / targets.sum(axes: [1]) }
        if labelSmoothing > 0 {
            targets = try targets * (1 - labelSmoothing) + labelSmoothing / Double(logits.dims[1])
        }
        let elements = try (targets * logits.logSoftmax(axis: 1)).negated()
        // One loss per image, unless every element counts by itself.
        return try reduction(kPositive ? elements : elements.sum(axes: [1], keepdims: false)) * lossWeight
    }
}
