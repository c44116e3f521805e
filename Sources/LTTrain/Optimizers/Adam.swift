// Adam (Kingma & Ba, ICLR 2015) and AdamW (Loshchilov & Hutter, ICLR 2019) as PyTorch's: m ← β₁m + (1 − β₁)g,
// v ← β₂v + (1 − β₂)g², p ← p − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε). Weight decay is a part of the gradient in Adam; AdamW
// takes it from the parameter first, p ← p·(1 − lr·wd).

import Foundation
import LTCore

/// What Adam and AdamW share.
public struct AdamMoments: Sendable {
    /// Shares of the old moments, 1 excluded.
    public var betas: (first: Double, second: Double)
    public var eps: Double

    public init(betas: (first: Double, second: Double) = (0.9, 0.999), eps: Double = 1e-8) {
        self.betas = betas
        self.eps = eps
    }
    init(_ section: RecipeSection) throws(LTError) {
        self.init()
        if let values = try section.doubles("betas", in: 0...0.9999999) {
            guard values.count == 2 else { throw section.error("betas", "\(values.count) numbers, expected two") }
            betas = (values[0], values[1])
        }
        eps = try section.double("eps", in: 0...1) ?? eps
    }

    static let slots = ["exp_avg", "exp_avg_sq"]

    func apply(_ update: ParameterUpdate, step: Int) throws(LTError) {
        let gradients = update.gradients
        let (first, second) = (update.slots[0], update.slots[1])
        try Torch.call("_foreach_mul_.Scalar", [.tensors(first), .double(betas.first)])
        try Torch.call("_foreach_add_.List", [.tensors(first), .tensors(gradients), .double(1 - betas.first)])
        try Torch.call("_foreach_mul_.Scalar", [.tensors(second), .double(betas.second)])
        try Torch.call(
            "_foreach_addcmul_.Scalar",
            [.tensors(second), .tensors(gradients), .tensors(gradients), .double(1 - betas.second)])
        let denominators = try Torch.call("_foreach_sqrt", [.tensors(second)])
        let correction = (1 - pow(betas.second, Double(step))).squareRoot()
        try Torch.call("_foreach_div_.Scalar", [.tensors(denominators), .double(correction)])
        try Torch.call("_foreach_add_.Scalar", [.tensors(denominators), .double(eps)])
        let rate = update.rate / (1 - pow(betas.first, Double(step)))
        try Torch.call(
            "_foreach_addcdiv_.Scalar",
            [.tensors(update.parameters), .tensors(first), .tensors(denominators), .double(-rate)])
    }
}

/// Adam; weight decay is a part of the gradient.
public struct Adam: UpdateRule {
    public static let name = "adam"
    public static let summary = "Adam: betas [0.9, 0.999], eps 1e-8; decay as a part of the gradient"
    public var moments: AdamMoments
    public var slots: [String] { AdamMoments.slots }

    public init(_ moments: AdamMoments = AdamMoments()) { self.moments = moments }
    public init(_ section: RecipeSection) throws(LTError) { moments = try AdamMoments(section) }
    public func apply(_ update: ParameterUpdate, step: Int) throws(LTError) {
        try update.decayGradients()
        try moments.apply(update, step: step)
    }
}

/// Adam with decoupled weight decay.
public struct AdamW: UpdateRule {
    public static let name = "adamw"
    public static let summary = "Adam with decoupled weight decay: betas [0.9, 0.999], eps 1e-8"
    public var moments: AdamMoments
    public var slots: [String] { AdamMoments.slots }

    public init(_ moments: AdamMoments = AdamMoments()) { self.moments = moments }
    public init(_ section: RecipeSection) throws(LTError) { moments = try AdamMoments(section) }
    public func apply(_ update: ParameterUpdate, step: Int) throws(LTError) {
        if update.weightDecay != 0 {
            let factor = 1 - update.rate * update.weightDecay
            try Torch.call("_foreach_mul_.Scalar", [.tensors(update.parameters), .double(factor)])
        }
        try moments.apply(update, step: step)
    }
}
