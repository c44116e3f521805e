// Softmax equalization loss (Tan et al., CVPR 2020, arXiv:2003.05176, section 3.4): rare classes leave the softmax's sum in
// images of other classes, each with probability γ:
//   w_ik = 1 − β_ik T_k (1 − y_ik),  β_ik ~ Bernoulli(γ),  T_k = 1 if f_k < λ,  loss = mean of −ln(e^x_y / Σ_k w_k e^x_k)

import LTCore

public struct SoftmaxEqualization: Loss {
    public static let name = "softmax-eql"
    public static let summary = "softmax cross entropy in which images of other classes do not discourage rare classes"
    public static let paper = "Tan et al., CVPR 2020, arXiv:2003.05176"
    public static let formula =
        "mean of ln Σ_k w_k e^x_k − x_y, w_k = 1 − β T_k (1 − y_k), T_k: frequency of class k < lambda"
    public static let defaults = "lambda 0.003, probability 0.95, loss_weight 1"
    public static let activation = "softmax"

    /// 1 for rare classes.
    public let tail: [Double]
    /// γ.
    public let probability: Double
    public let lossWeight: Double

    /// - Parameter frequencies: share of the training images that have the class.
    public init(frequencies: [Double], lambda: Double = 0.003, probability: Double = 0.95, lossWeight: Double = 1) {
        tail = frequencies.map { $0 < lambda ? 1 : 0 }
        self.probability = probability
        self.lossWeight = lossWeight
    }

    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        self.init(
            frequencies: classes.frequencies, lambda: try section.double("lambda", in: 0...1) ?? 0.003,
            probability: try section.double("probability", in: 0...1) ?? 0.95, lossWeight: try section.lossWeight())
        try section.finish()
    }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        var generator = input.generator(perProcess: true)
        return try self(input, draws: (0..<input.logits.count).map { _ in generator.uniform() })
    }

    /// - Parameter draws: uniform in [0, 1), row-major as the logits; β is 1 where one is below γ.
    public func callAsFunction(_ input: LossInput, draws: [Double]) throws(LTError) -> TorchTensor {
        let beta = try TorchTensor.constants(
            draws.map { $0 < probability ? 1 : 0 }, input.logits.dims, like: input.logits)
        let weight = try 1 - beta * (1 - input.targets) * .constants(tail, like: input.logits)
        // ln 0 takes a class out of the sum; the image's own class has weight 1.
        let sum = try Torch.one("logsumexp", [.tensor(try input.logits + weight.log()), .ints([1]), .bool(false)])
        return try (sum - (input.logits * input.targets).sum(axes: [1], keepdims: false)).mean() * lossWeight
    }
}
