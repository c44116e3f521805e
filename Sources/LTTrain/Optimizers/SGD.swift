// SGD with momentum and weight decay, as PyTorch's: g ← g + wd·p; m ← μ·m + g; p ← p − lr·m.

import LTCore

/// Stochastic gradient descent.
public struct SGD: UpdateRule {
    public static let name = "sgd"
    public static let summary = "stochastic gradient descent: momentum 0.9"
    public static let slots = ["momentum"]

    public var momentum: Double

    public init(momentum: Double = 0.9) { self.momentum = momentum }
    public init(_ section: RecipeSection) throws(LTError) {
        self.init(momentum: try section.double("momentum", in: 0...0.9999) ?? 0.9)
    }

    public func apply(_ update: ParameterUpdate, rate: Double, step: Int) throws(LTError) {
        let gradients = update.gradients
        if update.weightDecay != 0, !update.decayed.isEmpty {
            try Torch.call(
                "_foreach_add_.List",
                [
                    .tensors(update.decayed.map { gradients[$0] }),
                    .tensors(update.decayed.map { update.parameters[$0] }), .double(update.weightDecay),
                ])
        }
        let buffers = update.slots[0]
        try Torch.call("_foreach_mul_.Scalar", [.tensors(buffers), .double(momentum)])
        try Torch.call("_foreach_add_.List", [.tensors(buffers), .tensors(gradients), .double(1)])
        try Torch.call("_foreach_add_.List", [.tensors(update.parameters), .tensors(buffers), .double(-rate)])
    }
}
