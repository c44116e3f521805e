// What several losses are written in: constants beside a tensor, cross entropies, means over all processes, focal terms.

import LTCore
import OrderedCollections

extension TorchTensor {
    /// Constants in another tensor's type, where it lives; a row [1, n] unless `dims` says otherwise.
    static func constants(_ values: [Double], _ dims: [Int]? = nil, like other: TorchTensor) throws(LTError)
        -> TorchTensor
    {
        try Torch.one(
            "to.other", [.tensor(try TorchTensor(values, dims ?? [1, values.count])), .tensor(other)])
    }
    /// Float64 zeros where another tensor lives.
    static func zeros(_ dims: [Int], near other: TorchTensor) throws(LTError) -> TorchTensor {
        try Torch.one("new_zeros", [.tensor(other), .ints(dims)]).cast(.float64)
    }
    /// Whole numbers as an index where another tensor lives.
    static func index(_ values: [Int], near other: TorchTensor) throws(LTError) -> TorchTensor {
        try TorchTensor(values.map(Int64.init), [values.count]).like(other)
    }

    func abs() throws(LTError) -> TorchTensor { try unary("abs") }
    func sqrt() throws(LTError) -> TorchTensor { try unary("sqrt") }
    func transposed() throws(LTError) -> TorchTensor { try unary("t") }
    func softmax(axis: Int) throws(LTError) -> TorchTensor {
        try Torch.one("softmax.int", [.tensor(self), .int(axis)])
    }
    /// ln of the logistic function.
    func logSigmoid() throws(LTError) -> TorchTensor { try unary("log_sigmoid") }
    func matmul(_ other: TorchTensor) throws(LTError) -> TorchTensor {
        try Torch.one("matmul", [.tensor(self), .tensor(other)])
    }
    func atLeast(_ value: Double) throws(LTError) -> TorchTensor {
        try Torch.one("clamp_min", [.tensor(self), .double(value)])
    }
    /// 1 where the comparison (`ge`, `gt`, `lt`) with another tensor holds, else 0, in this tensor's type; no gradient.
    func compared(_ name: String, _ other: TorchTensor) throws(LTError) -> TorchTensor {
        try Torch.one(name + ".Tensor", [.tensor(self), .tensor(other)]).cast(type ?? .float32)
    }
    func compared(_ name: String, _ value: Double) throws(LTError) -> TorchTensor {
        try Torch.one(name + ".Scalar", [.tensor(self), .double(value)]).cast(type ?? .float32)
    }
    func selected(_ axis: Int, _ index: TorchTensor) throws(LTError) -> TorchTensor {
        try Torch.one("index_select", [.tensor(self), .int(axis), .tensor(index)])
    }
    /// `count` elements from `start` along an axis, sharing memory.
    func part(_ axis: Int, from start: Int, count: Int) throws(LTError) -> TorchTensor {
        try Torch.one("narrow", [.tensor(self), .int(axis), .int(start), .int(count)])
    }
    static func concatenated(_ parts: [TorchTensor], axis: Int) throws(LTError) -> TorchTensor {
        try Torch.one("cat", [.tensors(parts), .int(axis)])
    }
    /// The position of each row's greatest element, [N] int64.
    func argmax() throws(LTError) -> TorchTensor { try Torch.one("argmax", [.tensor(self), .int(1), .bool(false)]) }

    /// −Σ_c t_c ln softmax(x)_c per image, [N].
    func crossEntropy(_ targets: TorchTensor) throws(LTError) -> TorchTensor {
        try (targets * self.logSoftmax(axis: 1)).sum(axes: [1], keepdims: false).negated()
    }

    /// Targets for logits with a column more than classes, the background's: 1 there in rows of zeros.
    func withBackground(_ logits: TorchTensor) throws(LTError) -> TorchTensor {
        guard logits.dims.count == 2, dims.count == 2, logits.dims[0] == dims[0],
            logits.dims[1] == dims[1] || logits.dims[1] == dims[1] + 1
        else {
            throw LTError(
                .shapeMismatch, "logits \(logits.dims), expected \(dims), or a column more for the background")
        }
        if logits.dims[1] == dims[1] { return self }
        return try TorchTensor.concatenated([self, self.sum(axes: [1]).equals(0)], axis: 1)
    }

    /// (1 − exp(−l))^γ, the modulating factor of a cross entropy l; gradient flows through it.
    func focalModulation(gamma: Double) throws(LTError) -> TorchTensor {
        try self.negated().unary("expm1").negated().pow(gamma)
    }
    /// balance·(1 − exp(−l))^γ·l of an element-wise cross entropy l.
    func focal(gamma: Double, balance: Double) throws(LTError) -> TorchTensor {
        try focalModulation(gamma: gamma) * self * balance
    }
}

extension LossInput {
    /// Σ w l / Σ w, the weights summed over all processes; 0 where they are all 0.
    func weightedMean(_ elements: TorchTensor, _ weights: TorchTensor) throws(LTError) -> TorchTensor {
        try (elements * weights).sum() / positive(weights.sum())
    }
    /// `normaliser` of a sum of weights, 1 where they are all 0.
    func positive(_ local: TorchTensor) throws(LTError) -> TorchTensor {
        let sum = try normaliser(local)
        return try sum + sum.equals(0)
    }

    /// [N, D], or the error of a loss that was given none.
    func requireFeatures(_ loss: String) throws(LTError) -> TorchTensor {
        guard let features else { throw LTError(.invalidArgument, "\(loss) was given no features") }
        return features.rank == 2 ? features : try features.reshaped([features.dims[0], -1])
    }

    /// A generator of this step, the same in every process or one for each.
    func generator(perProcess: Bool) -> SeededGenerator {
        SeededGenerator(seed: seed, index: perProcess ? UInt64(group.rank) : 0)
    }
}

extension RecipeSection {
    func lossWeight() throws(LTError) -> Double { try double("loss_weight", in: 0...1e6) ?? 1 }

    /// A focusing exponent: between 0 and 1 the gradient at a perfect prediction would be infinite, unless the modulating
    /// factor is a constant.
    func focusing(_ key: String, constant: Bool = false) throws(LTError) -> Double? {
        guard let gamma = try double(key, in: 0...100) else { return nil }
        guard constant || gamma == 0 || gamma >= 1 else {
            throw error(key, "\(gamma), expected 0, or 1 and more")
        }
        return gamma
    }
}

extension OrderedDictionary<String, Tensor> {
    /// A float64 tensor of a loss's state.
    /// - Parameter dims: nil for an extent that is not known.
    /// - Throws: `notFound`, `shapeMismatch`, `typeMismatch`.
    func loss(_ name: String, _ dims: [Int?]) throws(LTError) -> Tensor {
        guard let tensor = self[name] else { throw LTError(.notFound, "the loss's state has no '\(name)'") }
        guard tensor.type == .float64, tensor.dims.count == dims.count,
            zip(tensor.dims, dims).allSatisfy({ $1 == nil || $0 == $1 })
        else {
            let expected = dims.map { $0.map { "\($0)" } ?? "any" }.joined(separator: ", ")
            throw LTError(
                .shapeMismatch,
                "the loss's state '\(name)' is tensor(\(tensor.type.onnxName)) \(tensor.shape), expected "
                    + "tensor(double) [\(expected)]")
        }
        return tensor
    }
}
