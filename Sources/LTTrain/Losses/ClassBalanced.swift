// Class-balanced loss (Cui et al., CVPR 2019, arXiv:1901.05555): a loss per image times the weight of its class,
// w_c = C·e_c/Σ e, e_c = (1 − β)/(1 − β^n_c); plain mean over images. Forms: softmax cross entropy; focal on softmax with a
// constant modulating factor (as the CDB code compares with); sigmoid, Σ_c (1 − p_t)^γ bce_c.

import LTCore

public struct ClassBalanced: Loss {
    public static let name = "class-balanced"
    public static let summary = "softmax, focal or sigmoid loss weighted by the inverse effective number of the class"
    public static let paper = "Cui et al., CVPR 2019, arXiv:1901.05555"
    public static let formula = "mean of w_y · l, w_c = C e_c / Σ e, e_c = (1 − beta)/(1 − beta^n_c)"
    public static let defaults = "form softmax, beta 0.9999, gamma 1 for focal and 0 for sigmoid, loss_weight 1"
    public static let activation = "softmax"

    public enum Form: String, Sendable, CaseIterable { case softmax, focal, sigmoid }

    public var form: Form
    public var gamma: Double
    public var lossWeight: Double
    private let weights: ClassWeights

    /// - Throws: `invalidArgument` naming a class without training images.
    public init(
        form: Form = .softmax, beta: Double = 0.9999, gamma: Double? = nil, lossWeight: Double = 1, classes: ClassCounts
    ) throws(LTError) {
        self.form = form
        self.gamma = gamma ?? (form == .focal ? 1 : 0)
        self.lossWeight = lossWeight
        weights = try ClassWeights(.classBalanced, beta: beta, classes: classes)
    }

    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        let form = try section.choice("form", Form.self) ?? .softmax
        let beta = try section.double("beta", in: ClassWeights.betaRange) ?? 0.9999
        let gamma = form == .softmax ? nil : try section.focusing("gamma", constant: form == .focal)
        let lossWeight = try section.lossWeight()
        try section.finish()
        do {
            try self.init(form: form, beta: beta, gamma: gamma, lossWeight: lossWeight, classes: classes)
        } catch { throw error.inside(section.place) }
    }

    public var activation: String { form == .sigmoid ? "sigmoid" : "softmax" }
    public var needsSingleLabels: Bool { true }
    /// w_c.
    public var classWeights: [Double] { weights.values(epoch: 0) ?? [] }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        try elements(input).mean() * lossWeight
    }

    /// The loss of each image, [N].
    public func elements(_ input: LossInput) throws(LTError) -> TorchTensor {
        switch form {
        case .softmax: return try SoftmaxFocal(gamma: 0, weights: weights).elements(input)
        case .focal: return try SoftmaxFocal(gamma: gamma, weights: weights).elements(input)
        case .sigmoid:
            let losses = try input.logits.binaryCrossEntropy(input.targets).focal(gamma: gamma, balance: 1)
                .sum(axes: [1], keepdims: false)
            return if let weight = try weights.perImage(input) { try losses * weight } else { losses }
        }
    }
}
