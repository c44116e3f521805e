// SGD with momentum and weight decay, as PyTorch's: g ← g + wd·p; m ← μ·m + g; p ← p − lr·m. The gradient's L2 norm
// over all parameters is clipped before the decay is added.

import LTCore
import OrderedCollections

/// Stochastic gradient descent over named parameters.
public final class SGD {
    public struct Options: Sendable {
        public var momentum = 0.9
        public var weightDecay = 1e-4
        /// Decay only parameters of two or more dimensions (not biases, nor scale and shift of normalisations).
        public var decaysWeightsOnly = false
        /// Greatest L2 norm of the whole gradient; nil does not clip.
        public var clipNorm: Double?
        public init() {}
    }

    public let options: Options
    private let names: [String]
    private let parameters: [TorchTensor]
    private let decayed: [Int]
    private var buffers: [TorchTensor] = []

    /// - Parameter parameters: leaves that require gradients.
    public init(_ parameters: OrderedDictionary<String, TorchTensor>, _ options: Options) throws(LTError) {
        self.options = options
        names = Array(parameters.keys)
        self.parameters = Array(parameters.values)
        decayed = self.parameters.indices.filter { [list = self.parameters] in
            !options.decaysWeightsOnly || list[$0].rank > 1
        }
        for parameter in self.parameters {
            buffers.append(try Torch.one("zeros_like", [.tensor(parameter)]))
        }
    }

    /// Applies the collected gradients and clears them.
    /// - Returns: the gradient's norm before clipping.
    /// - Throws: `notFinite` when the norm is not a number; parameters are unchanged then.
    @discardableResult
    public func step(rate: Double) throws(LTError) -> Double {
        try Torch.withoutGrad { () throws(LTError) in try unrecordedStep(rate) }
    }

    private func unrecordedStep(_ rate: Double) throws(LTError) -> Double {
        var gradients: [TorchTensor] = []
        for (name, parameter) in zip(names, parameters) {
            guard let gradient = try parameter.grad() else {
                throw LTError(.invalidArgument, "parameter '\(name)' got no gradient: the loss does not depend on it")
            }
            gradients.append(gradient)
        }
        defer { for parameter in parameters { parameter.clearGrad() } }
        let norms = try Torch.call("_foreach_norm.Scalar", [.tensors(gradients), .int(2)])
        let norm = try Torch.one("linalg_vector_norm", [.tensor(Torch.one("stack", [.tensors(norms)])), .int(2)]).item()
        guard norm.isFinite else { throw LTError(.notFinite, "the gradient's norm is \(norm)") }
        if let limit = options.clipNorm, norm > limit {
            try Torch.call("_foreach_mul_.Scalar", [.tensors(gradients), .double(limit / (norm + 1e-6))])
        }
        if options.weightDecay != 0 {
            try Torch.call(
                "_foreach_add_.List",
                [
                    .tensors(decayed.map { gradients[$0] }), .tensors(decayed.map { parameters[$0] }),
                    .double(options.weightDecay),
                ])
        }
        try Torch.call("_foreach_mul_.Scalar", [.tensors(buffers), .double(options.momentum)])
        try Torch.call("_foreach_add_.List", [.tensors(buffers), .tensors(gradients), .double(1)])
        try Torch.call("_foreach_add_.List", [.tensors(parameters), .tensors(buffers), .double(-rate)])
        return norm
    }

    /// The momentum buffers by parameter name.
    public func state() throws(LTError) -> OrderedDictionary<String, Tensor> {
        var result: OrderedDictionary<String, Tensor> = [:]
        for (name, buffer) in zip(names, buffers) { result[name] = try buffer.host() }
        return result
    }

    /// Restores what `state` gave.
    /// - Throws: `notFound` naming a buffer that is missing.
    public func restore(_ state: OrderedDictionary<String, Tensor>) throws(LTError) {
        for (name, buffer) in zip(names, buffers) {
            guard let tensor = state[name], tensor.dims == buffer.dims else {
                throw LTError(.notFound, "no momentum for parameter '\(name)'")
            }
            try buffer.copy(from: try TorchTensor(tensor))
        }
    }
}
