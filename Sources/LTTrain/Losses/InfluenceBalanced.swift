// Influence-balanced loss (Park et al., ICCV 2021, arXiv:2110.02444). p = softmax(x), h the features before the last layer:
//   factor = α / (Σ_c |p_c − y_c| · Σ_k |h_k| + ε),  l = w_y CE,  IB = mean of factor · l,
//   IB-Focal = mean of (1 − exp(−l))^γ · factor · l
// Gradients flow through the factor, to logits and features, as in the reference code, unless `detach`. Before `start_epoch`
// the loss is cross entropy without class weights.

import LTCore

public struct InfluenceBalanced: Loss {
    public static let name = "ib"
    public static let summary =
        "cross entropy divided by each image's influence on the decision boundary, from an epoch on"
    public static let paper = "Park et al., ICCV 2021, arXiv:2110.02444"
    public static let formula = "mean of alpha / (|p − y|₁ |h|₁ + epsilon) · w_y CE; cross entropy before start_epoch"
    public static let defaults =
        "alpha 1000, epsilon 0.001, start_epoch 100, weights none, focal {gamma 1} (absent: no focal term), detach false, "
        + "loss_weight 1"
    public static let activation = "softmax"

    public var alpha: Double
    public var epsilon: Double
    /// The first epoch of the influence-balanced phase, counted from 0.
    public var startEpoch: Int
    public var weights: ClassWeights
    /// γ of IB-Focal; nil for IB.
    public var focalGamma: Double?
    public var detach: Bool
    public var lossWeight: Double

    public init(
        alpha: Double = 1000, epsilon: Double = 0.001, startEpoch: Int = 100, weights: ClassWeights = .none,
        focalGamma: Double? = nil, detach: Bool = false, lossWeight: Double = 1
    ) {
        self.alpha = alpha
        self.epsilon = epsilon
        self.startEpoch = startEpoch
        self.weights = weights
        self.focalGamma = focalGamma
        self.detach = detach
        self.lossWeight = lossWeight
    }

    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        var focalGamma: Double?
        if let focal = try section.section("focal") {
            focalGamma = try focal.focusing("gamma") ?? 1
            try focal.finish()
        }
        self.init(
            alpha: try section.double("alpha", in: 0...1e9) ?? 1000,
            epsilon: try section.double("epsilon", in: 1e-12...1e6) ?? 0.001,
            startEpoch: try section.int("start_epoch", in: 0...1_000_000) ?? 100,
            weights: try ClassWeights(section, classes: classes), focalGamma: focalGamma,
            detach: try section.bool("detach") ?? false, lossWeight: try section.lossWeight())
        try section.finish()
    }

    public var usesFeatures: Bool { true }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        var losses = try input.logits.crossEntropy(input.targets)
        if input.epoch >= startEpoch {
            if let weight = try weights.perImage(input) { losses = try losses * weight }
            var weighted = try factor(input) * losses
            if let focalGamma { weighted = try weighted * losses.focalModulation(gamma: focalGamma) }
            losses = weighted
        }
        return try losses.mean() * lossWeight
    }

    /// α / (Σ_c |p_c − y_c| · Σ_k |h_k| + ε), [N].
    private func factor(_ input: LossInput) throws(LTError) -> TorchTensor {
        let features = try input.requireFeatures("the influence-balanced loss")
        let size = try features.abs().sum(axes: [1], keepdims: false)
        let error = try (input.logits.softmax(axis: 1) - input.targets).abs().sum(axes: [1], keepdims: false)
        let factor = try (error * size + epsilon).reciprocal() * alpha
        return detach ? try factor.detached() : factor
    }
}
