// Softmax cross entropy: l_i = −Σ_c w_c t_ic ln softmax(x_i)_c. Single label: t one-hot, mean Σ l / Σ w_y over images. k-positive
// form of the Distribution-Balanced code (`k_positive`): t = y / Σ_c y, mean over N·C elements.

import LTCore

public struct SoftmaxCrossEntropy: Loss {
    public static let name = "softmax-ce"
    public static let summary = "softmax cross entropy, class weights; `k_positive` for images with several labels"
    public static let paper = ""
    public static let formula = "Σ −w_y Σ_c t_c ln softmax(x)_c / Σ w_y"
    public static let defaults = "weights none, k_positive false, label_smoothing 0, loss_weight 1"
    public static let activation = "softmax"

    public var weights: ClassWeights
    public var kPositive: Bool
    /// Share of the target that is spread evenly over the classes.
    public var labelSmoothing: Double
    public var reduction: Reduction
    public var lossWeight: Double

    public init(
        weights: ClassWeights = .none, kPositive: Bool = false, labelSmoothing: Double = 0,
        reduction: Reduction = .mean, lossWeight: Double = 1
    ) {
        self.weights = weights
        self.kPositive = kPositive
        self.labelSmoothing = labelSmoothing
        self.reduction = reduction
        self.lossWeight = lossWeight
    }

    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        self.init(
            weights: try ClassWeights(section, classes: classes), kPositive: try section.bool("k_positive") ?? false,
            labelSmoothing: try section.double("label_smoothing", in: 0...1) ?? 0,
            lossWeight: try section.lossWeight())
        try section.finish()
    }

    public var needsSingleLabels: Bool { !kPositive }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        let logits = input.logits
        var targets = input.targets
        if kPositive { targets = try targets.sharedAmongPositives() }
        if labelSmoothing > 0 {
            targets = try targets * (1 - labelSmoothing) + labelSmoothing / Double(logits.dims[1])
        }
        if let row = try weights.row(input) { targets = try targets * row }
        let elements = try (targets * logits.logSoftmax(axis: 1)).negated()
        if kPositive { return try reduction(elements) * lossWeight }
        // One loss per image.
        let losses = try elements.sum(axes: [1], keepdims: false)
        if reduction == .mean, let weights = try weights.perImage(input) {
            return try losses.sum() / input.positive(weights.sum()) * lossWeight
        }
        return try reduction(losses) * lossWeight
    }
}

extension TorchTensor {
    /// y / Σ_c y per row; rows without positives stay zeros.
    func sharedAmongPositives() throws(LTError) -> TorchTensor {
        let positives = try self.sum(axes: [1])
        return try self / (positives + positives.equals(0))
    }
}
