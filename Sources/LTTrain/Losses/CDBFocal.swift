// Focal loss on softmax weighted by class difficulty (Sinha et al., ACCV 2020, arXiv:2010.01824): mean of
// w_y (1 − p_y)^γ · CE, w as in CDB-CE. Focal loss per class weighted so: `cdb-ce` with `focal_gamma`.

import LTCore
import OrderedCollections

public final class CDBFocal: Loss {
    public static let name = "cdb-focal"
    public static let summary = "focal loss on softmax weighted by how difficult the class is on a validation split"
    public static let paper = "Sinha et al., ACCV 2020, arXiv:2010.01824"
    public static let formula =
        "mean of w_y (1 − p_y)^gamma · CE, w_c = C d_c^tau / Σ d^tau, d_c = 1 − recall of class c"
    public static let defaults = "gamma 1, detach true, \(ClassDifficulty.defaults), loss_weight 1"
    public static let activation = "softmax"

    public let difficulty: ClassDifficulty
    public let gamma: Double
    /// The modulating factor is a constant in the gradient.
    public let detach: Bool
    public let lossWeight: Double

    public init(_ difficulty: ClassDifficulty, gamma: Double = 1, detach: Bool = true, lossWeight: Double = 1) {
        self.difficulty = difficulty
        self.gamma = gamma
        self.detach = detach
        self.lossWeight = lossWeight
    }

    public convenience init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        let detach = try section.bool("detach") ?? true
        self.init(
            try ClassDifficulty(section, classes: classes),
            gamma: try section.focusing("gamma", constant: detach) ?? 1, detach: detach,
            lossWeight: try section.lossWeight())
        try section.finish()
    }

    public var usesValidation: Bool { true }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        try SoftmaxFocal(gamma: gamma, detach: detach, weights: ClassWeights(difficulty.weights)).elements(input).mean()
            * lossWeight
    }

    public func update(_ validation: LossValidation) throws(LTError) { try difficulty.update(validation) }
    public func state() throws(LTError) -> OrderedDictionary<String, Tensor> { try difficulty.state() }
    public func restore(_ state: OrderedDictionary<String, Tensor>) throws(LTError) { try difficulty.restore(state) }
}
