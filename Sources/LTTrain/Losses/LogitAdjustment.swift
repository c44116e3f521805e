// Logit adjustment (Menon et al., ICLR 2021, arXiv:2007.07314): cross entropy of x_c + τ ln π_c, π_c the share of class c in
// the training set. Inference uses x as it is.

import Foundation
import LTCore

public struct LogitAdjustment: Loss {
    public static let name = "logit-adjustment"
    public static let summary = "softmax cross entropy of logits shifted by tau times the log prior of each class"
    public static let paper = "Menon et al., ICLR 2021, arXiv:2007.07314"
    public static let formula = "mean of CE(x + tau ln π)"
    public static let defaults = "tau 1, loss_weight 1"
    public static let activation = "softmax"

    /// τ ln π_c.
    public let shifts: [Double]
    public let lossWeight: Double

    /// - Throws: `invalidArgument` naming a class without training images.
    public init(tau: Double = 1, lossWeight: Double = 1, classes: ClassCounts) throws(LTError) {
        try classes.requireExamples("the log prior of a class")
        let all = classes.images.map(Double.init).reduce(0, +)
        shifts = classes.images.map { tau * log(Double($0) / all) }
        self.lossWeight = lossWeight
    }

    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        let tau = try section.double("tau", in: 0...100) ?? 1
        let lossWeight = try section.lossWeight()
        try section.finish()
        do {
            try self.init(tau: tau, lossWeight: lossWeight, classes: classes)
        } catch { throw error.inside(section.place) }
    }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        let adjusted = try input.logits + .constants(shifts, like: input.logits)
        return try adjusted.crossEntropy(input.targets).mean() * lossWeight
    }
}
