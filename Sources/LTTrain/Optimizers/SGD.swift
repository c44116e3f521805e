// SGD as PyTorch's: g ← g + wd·p; m ← μ·m + (1 − dampening)·g, in the first step m = g; with Nesterov's momentum
// g ← g + μ·m, else g ← m; p ← p − lr·g. Sutskever et al., ICML 2013.

import LTCore

/// Stochastic gradient descent.
public struct SGD: UpdateRule {
    public static let name = "sgd"
    public static let summary = "stochastic gradient descent: momentum 0.9, nesterov false, dampening 0"

    public var momentum: Double
    public var dampening: Double
    public var nesterov: Bool

    public init(momentum: Double = 0.9, dampening: Double = 0, nesterov: Bool = false) {
        self.momentum = momentum
        self.dampening = dampening
        self.nesterov = nesterov
    }
    public init(_ section: RecipeSection) throws(LTError) {
        self.init(
            momentum: try section.double("momentum", in: 0...0.9999) ?? 0.9,
            dampening: try section.double("dampening", in: 0...1) ?? 0,
            nesterov: try section.bool("nesterov") ?? false)
        guard !nesterov || (momentum > 0 && dampening == 0) else {
            throw section.error("nesterov", "needs momentum above 0 and no dampening")
        }
    }

    public var slots: [String] { momentum == 0 ? [] : ["momentum"] }

    public func apply(_ update: ParameterUpdate, step: Int) throws(LTError) {
        try update.decayGradients()
        var direction = update.gradients
        if let momenta = update.slots.first {
            try Torch.call("_foreach_mul_.Scalar", [.tensors(momenta), .double(momentum)])
            let share = step == 1 ? 1 : 1 - dampening
            try Torch.call("_foreach_add_.List", [.tensors(momenta), .tensors(update.gradients), .double(share)])
            if nesterov {
                try Torch.call("_foreach_add_.List", [.tensors(direction), .tensors(momenta), .double(momentum)])
            } else {
                direction = momenta
            }
        }
        try Torch.call(
            "_foreach_add_.List", [.tensors(update.parameters), .tensors(direction), .double(-update.rate)])
    }
}
