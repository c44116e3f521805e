// Label-distribution-aware margins (Cao et al., NeurIPS 2019, arXiv:1906.07413): the target's logit is lowered by
// m_c = max_margin · n_c^(−1/4) / max_c n_c^(−1/4), then weighted cross entropy of the scaled logits, Σ w l / Σ w. Made for a
// cosine classifier. Deferred re-weighting (DRW) is `weights: drw`.

import Foundation
import LTCore

public struct LDAM: Loss {
    public static let name = "ldam"
    public static let summary =
        "softmax cross entropy with greater margins for rarer classes; LDAM-DRW by `weights: drw`"
    public static let paper = "Cao et al., NeurIPS 2019, arXiv:1906.07413"
    public static let formula = "CE of scale · (x − m_y y), m_c ∝ n_c^(−1/4) up to max_margin"
    public static let defaults = "max_margin 0.5, scale 30, weights none, loss_weight 1"
    public static let activation = "softmax"

    /// m_c.
    public let margins: [Double]
    public let scale: Double
    public let weights: ClassWeights
    public let lossWeight: Double

    /// - Throws: `invalidArgument` naming a class without training images.
    public init(
        maxMargin: Double = 0.5, scale: Double = 30, weights: ClassWeights = .none, lossWeight: Double = 1,
        classes: ClassCounts
    ) throws(LTError) {
        try classes.requireExamples("LDAM")
        let roots = classes.images.map { 1 / Double($0).squareRoot().squareRoot() }
        let greatest = roots.max() ?? 1
        margins = roots.map { $0 * maxMargin / greatest }
        self.scale = scale
        self.weights = weights
        self.lossWeight = lossWeight
    }

    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        let maxMargin = try section.double("max_margin", in: 0...1e3) ?? 0.5
        let scale = try section.double("scale", in: 1e-6...1e6) ?? 30
        let weights = try ClassWeights(section, classes: classes)
        let lossWeight = try section.lossWeight()
        try section.finish()
        do {
            try self.init(
                maxMargin: maxMargin, scale: scale, weights: weights, lossWeight: lossWeight, classes: classes)
        } catch { throw error.inside(section.place) }
    }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        let margin = try input.targets * .constants(margins, like: input.logits)
        var shifted = input
        shifted.logits = try (input.logits - margin) * scale
        return try SoftmaxCrossEntropy(weights: weights, lossWeight: lossWeight)(shifted)
    }
}
