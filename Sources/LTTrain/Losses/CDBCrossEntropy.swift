// CDB-CE (Sinha et al., ACCV 2020, arXiv:2010.01824): softmax cross entropy weighted by class difficulty. Mean over images
// (CIFAR-LT, EGTEA) or Σ w l / Σ w (ImageNet-LT). With `focal_gamma` the loss of an image is Σ_c (1 − p_t)^γ bce_c instead.

import LTCore
import OrderedCollections

public final class CDBCrossEntropy: Loss {
    public static let name = "cdb-ce"
    public static let summary = "cross entropy weighted by how difficult the class is on a validation split"
    public static let paper = "Sinha et al., ACCV 2020, arXiv:2010.01824"
    public static let formula = "mean of w_y · CE, w_c = C d_c^tau / Σ d^tau, d_c = 1 − recall of class c"
    public static let defaults =
        "\(ClassDifficulty.defaults), average samples | weights, focal_gamma none, loss_weight 1"
    public static let activation = "softmax"

    /// What the sum of weighted losses is divided by.
    public enum Average: String, Sendable, CaseIterable { case samples, weights }

    public let difficulty: ClassDifficulty
    public let average: Average
    /// nil for cross entropy, else the exponent of the focal loss per class.
    public let focalGamma: Double?
    public let lossWeight: Double

    public init(
        _ difficulty: ClassDifficulty, average: Average = .samples, focalGamma: Double? = nil, lossWeight: Double = 1
    ) {
        self.difficulty = difficulty
        self.average = average
        self.focalGamma = focalGamma
        self.lossWeight = lossWeight
    }

    public convenience init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        self.init(
            try ClassDifficulty(section, classes: classes),
            average: try section.choice("average", Average.self) ?? .samples,
            focalGamma: try section.focusing("focal_gamma"), lossWeight: try section.lossWeight())
        try section.finish()
    }

    public var activation: String { focalGamma == nil ? "softmax" : "sigmoid" }
    public var needsSingleLabels: Bool { true }
    public var usesValidation: Bool { true }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        let losses = try plain(input)
        let weights = try difficulty.perImage(input)
        switch average {
        case .samples: return try (losses * weights).mean() * lossWeight
        case .weights: return try input.weightedMean(losses, weights) * lossWeight
        }
    }

    /// The weighted loss of each image, [N].
    public func elements(_ input: LossInput) throws(LTError) -> TorchTensor {
        try plain(input) * difficulty.perImage(input)
    }

    private func plain(_ input: LossInput) throws(LTError) -> TorchTensor {
        guard let focalGamma else { return try input.logits.crossEntropy(input.targets) }
        return try input.logits.binaryCrossEntropy(input.targets).focal(gamma: focalGamma, balance: 1)
            .sum(axes: [1], keepdims: false)
    }

    public func update(_ validation: LossValidation) throws(LTError) { try difficulty.update(validation) }
    public func state() throws(LTError) -> OrderedDictionary<String, Tensor> { try difficulty.state() }
    public func restore(_ state: OrderedDictionary<String, Tensor>) throws(LTError) { try difficulty.restore(state) }
}
