// Binary cross entropy per class: l = −[y ln s(x) + (1 − y) ln(1 − s(x))], s the logistic function. Mean over N·C, or the
// sum over classes and the mean over rows (the representation stage of BACL). Logits may have a background column, the last.

import LTCore

public struct BinaryCrossEntropy: Loss {
    public static let name = "bce"
    public static let summary = "binary cross entropy per class, mean over images and classes, or over images only"
    public static let paper = ""
    public static let formula = "mean of −[y ln s(x) + (1 − y) ln(1 − s(x))]"
    public static let defaults = "average elements, loss_weight 1"
    public static let activation = "sigmoid"

    /// What the mean is taken over: N·C elements, or N rows of summed classes.
    public enum Average: String, Sendable, CaseIterable { case elements, rows }

    public var average: Average
    public var reduction: Reduction
    public var lossWeight: Double

    public init(average: Average = .elements, reduction: Reduction = .mean, lossWeight: Double = 1) {
        self.average = average
        self.reduction = reduction
        self.lossWeight = lossWeight
    }

    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        self.init(
            average: try section.choice("average", Average.self) ?? .elements, lossWeight: try section.lossWeight())
        try section.finish()
    }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        try self(input, rowWeights: nil)
    }

    /// - Parameter rowWeights: [N] weights of the rows (`average` rows); the mean divides by the number of positive ones.
    public func callAsFunction(_ input: LossInput, rowWeights: TorchTensor?) throws(LTError) -> TorchTensor {
        let targets = try input.targets.withBackground(input.logits)
        let elements = try input.logits.binaryCrossEntropy(targets)
        if average == .elements { return try reduction(elements) * lossWeight }
        let rows = try elements.sum(axes: [1], keepdims: false)
        guard let rowWeights else { return try reduction(rows) * lossWeight }
        let weighted = try rows * rowWeights
        guard reduction == .mean else { return try reduction(weighted) * lossWeight }
        return try weighted.sum() / input.positive(rowWeights.compared("gt", 0).sum()) * lossWeight
    }
}
