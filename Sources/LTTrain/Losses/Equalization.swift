// Equalization loss (Tan et al., CVPR 2020, arXiv:2003.05176): rows with a class give no negative gradient to rare classes.
// T_c = 1 if f_c < λ, E_r = 1 for rows with a class and 0 for background (rows of zeros):
//   w_rc = 1 − E_r T_c (1 − y_rc),  loss = Σ_rc w_rc bce(x_rc, y_rc) / R
// No background column. `probability` γ: each batch draws u and is not suppressed at all when u > γ.

import LTCore

public struct Equalization: Loss {
    public static let name = "eql"
    public static let summary = "binary cross entropy in which images of other classes do not discourage rare classes"
    public static let paper = "Tan et al., CVPR 2020, arXiv:2003.05176"
    public static let formula = "Σ [1 − E_r T_c (1 − y)] bce(x, y) / rows, T_c: image frequency of class c < lambda"
    public static let defaults = "lambda 0.00177, probability 1, loss_weight 1"
    public static let activation = "sigmoid"

    /// 1 for rare classes.
    public let tail: [Double]
    /// γ.
    public let probability: Double
    public let lossWeight: Double

    /// - Parameter frequencies: share of the training images that have the class.
    public init(frequencies: [Double], lambda: Double = 0.00177, probability: Double = 1, lossWeight: Double = 1) {
        tail = frequencies.map { $0 < lambda ? 1 : 0 }
        self.probability = probability
        self.lossWeight = lossWeight
    }

    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        self.init(
            frequencies: classes.frequencies, lambda: try section.double("lambda", in: 0...1) ?? 0.00177,
            probability: try section.double("probability", in: 0...1) ?? 1, lossWeight: try section.lossWeight())
        try section.finish()
    }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        var generator = input.generator(perProcess: false)
        return try self(input, draw: generator.uniform())
    }

    /// - Parameter draw: u, uniform in [0, 1).
    public func callAsFunction(_ input: LossInput, draw: Double) throws(LTError) -> TorchTensor {
        var elements = try input.logits.binaryCrossEntropy(input.targets)
        if draw <= probability {
            let foreground = try input.targets.max(axis: 1).compared("gt", 0)
            let suppressed = try foreground * (1 - input.targets) * .constants(tail, like: input.logits)
            elements = try elements * (1 - suppressed)
        }
        return try elements.sum(axes: [1], keepdims: false).mean() * lossWeight
    }

    /// Scores at test time [N, C + 1]: the logistic function of each logit, and 0 for the background.
    public static func scores(_ logits: TorchTensor) throws(LTError) -> TorchTensor {
        let background = try logits.part(1, from: 0, count: 1) * 0
        return try .concatenated([logits.sigmoid(), background], axis: 1)
    }
}

extension ClassCounts {
    /// Share of the training images that have the class.
    var frequencies: [Double] { images.map { Double($0) / Double(max(1, total)) } }
}
