// Binary cross entropy per class: l = −[y ln s(x) + (1 − y) ln(1 − s(x))], s the logistic function, mean over N·C.

import LTCore

public struct BinaryCrossEntropy: Loss {
    public static let name = "bce"
    public static let summary = "binary cross entropy per class, mean over images and classes"
    public static let paper = ""
    public static let formula = "mean of −[y ln s(x) + (1 − y) ln(1 − s(x))]"
    public static let defaults = "loss_weight 1"
    public static let activation = "sigmoid"

    public var reduction: Reduction
    public var lossWeight: Double

    public init(reduction: Reduction = .mean, lossWeight: Double = 1) {
        self.reduction = reduction
        self.lossWeight = lossWeight
    }

    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        self.init(lossWeight: try section.double("loss_weight", in: 0...1e6) ?? 1)
        try section.finish()
    }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        try reduction(input.logits.binaryCrossEntropy(input.targets)) * lossWeight
    }
}
