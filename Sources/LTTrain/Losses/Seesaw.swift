// Seesaw loss (Wang et al., CVPR 2021, arXiv:2008.10032). y the image's class, N_c examples of class c, σ = softmax(x) without
// gradient:
//   mitigation   M_j = (N_j / N_y)^p where N_j < N_y, else 1
//   compensation C_j = (σ_j / max(σ_y, ε))^q where that ratio is above 1, else 1
//   loss = mean of −ln(e^x_y / (e^x_y + Σ_{j≠y} M_j C_j e^x_j))
// N is counted while training, over all processes and with the batch at hand, or taken from the training set; at least 1.

import LTCore
import OrderedCollections

public final class Seesaw: Loss {
    public static let name = "seesaw"
    public static let summary =
        "softmax cross entropy; frequent classes discourage rare ones less, mistakes are punished more"
    public static let paper = "Wang et al., CVPR 2021, arXiv:2008.10032"
    public static let formula = "mean of −ln(e^x_y / (e^x_y + Σ_j M_j C_j e^x_j)), M_j ~ (N_j/N_y)^p, C_j ~ (σ_j/σ_y)^q"
    public static let defaults = "p 0.8, q 2, eps 0.01, counts online | training-set, loss_weight 1"
    public static let activation = "softmax"

    public enum Counts: String, Sendable, CaseIterable {
        case online
        case trainingSet = "training-set"
    }

    public let p: Double
    public let q: Double
    public let eps: Double
    public let lossWeight: Double
    public let counts: Counts
    /// N_c.
    public private(set) var examples: [Double]

    public init(
        p: Double = 0.8, q: Double = 2, eps: Double = 0.01, counts: Counts = .online, lossWeight: Double = 1,
        classes: ClassCounts
    ) {
        self.p = p
        self.q = q
        self.eps = eps
        self.counts = counts
        self.lossWeight = lossWeight
        examples = counts == .online ? [Double](repeating: 0, count: classes.count) : classes.images.map(Double.init)
    }

    public convenience init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        self.init(
            p: try section.double("p", in: 0...100) ?? 0.8, q: try section.double("q", in: 0...100) ?? 2,
            eps: try section.double("eps", in: 1e-12...1) ?? 0.01,
            counts: try section.choice("counts", Counts.self) ?? .online, lossWeight: try section.lossWeight(),
            classes: classes)
        try section.finish()
    }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        if counts == .online {
            let batch = try input.group.sum(input.targets.sum(axes: [0], keepdims: false)).cast(.float64)
            examples = zip(examples, try batch.array(of: Double.self)).map(+)
        }
        let targets = input.targets
        let n = try TorchTensor.constants(examples.map { max(1, $0) }, like: input.logits)
        let own = try (targets * n).sum(axes: [1])
        // The ratio of at most 1.
        let mitigation = try Torch.one("clamp_max", [.tensor(try n / (own + own.equals(0))), .double(1)]).pow(p)
        let scores = try input.logits.detached().softmax(axis: 1)
        let compensation = try (scores / (scores * targets).sum(axes: [1]).atLeast(eps)).atLeast(1).pow(q)
        let others = try (mitigation * compensation).log() * (1 - targets)
        return try (input.logits + others).crossEntropy(targets).mean() * lossWeight
    }

    public func state() throws(LTError) -> OrderedDictionary<String, Tensor> {
        counts == .online ? ["examples": try Tensor(examples)] : [:]
    }
    public func restore(_ state: OrderedDictionary<String, Tensor>) throws(LTError) {
        if counts == .online { examples = try state.loss("examples", [examples.count]).array(of: Double.self) }
    }
}
