// The arithmetic that losses are written in; every call is recorded by autograd unless Torch.withoutGrad says otherwise.

import LTCore

extension TorchTensor {
    public static func + (a: TorchTensor, b: TorchTensor) throws(LTError) -> TorchTensor {
        try Torch.one("add.Tensor", [.tensor(a), .tensor(b)])
    }
    public static func - (a: TorchTensor, b: TorchTensor) throws(LTError) -> TorchTensor {
        try Torch.one("sub.Tensor", [.tensor(a), .tensor(b)])
    }
    public static func * (a: TorchTensor, b: TorchTensor) throws(LTError) -> TorchTensor {
        try Torch.one("mul.Tensor", [.tensor(a), .tensor(b)])
    }
    public static func / (a: TorchTensor, b: TorchTensor) throws(LTError) -> TorchTensor {
        try Torch.one("div.Tensor", [.tensor(a), .tensor(b)])
    }
    public static func + (a: TorchTensor, b: Double) throws(LTError) -> TorchTensor {
        try Torch.one("add.Scalar", [.tensor(a), .double(b)])
    }
    public static func - (a: TorchTensor, b: Double) throws(LTError) -> TorchTensor { try a + (-b) }
    public static func - (a: Double, b: TorchTensor) throws(LTError) -> TorchTensor {
        try Torch.one("rsub.Scalar", [.tensor(b), .double(a)])
    }
    public static func * (a: TorchTensor, b: Double) throws(LTError) -> TorchTensor {
        try Torch.one("mul.Scalar", [.tensor(a), .double(b)])
    }
    public static func / (a: TorchTensor, b: Double) throws(LTError) -> TorchTensor {
        try Torch.one("div.Scalar", [.tensor(a), .double(b)])
    }

    public func negated() throws(LTError) -> TorchTensor { try unary("neg") }
    public func exp() throws(LTError) -> TorchTensor { try unary("exp") }
    public func log() throws(LTError) -> TorchTensor { try unary("log") }
    public func sigmoid() throws(LTError) -> TorchTensor { try unary("sigmoid") }
    public func reciprocal() throws(LTError) -> TorchTensor { try unary("reciprocal") }
    public func unary(_ name: String) throws(LTError) -> TorchTensor { try Torch.one(name, [.tensor(self)]) }

    public func pow(_ exponent: Double) throws(LTError) -> TorchTensor {
        try Torch.one("pow.Tensor_Scalar", [.tensor(self), .double(exponent)])
    }
    /// 1 where the element is `value`, else 0, in this tensor's type; carries no gradient.
    public func equals(_ value: Double) throws(LTError) -> TorchTensor {
        try Torch.one("eq.Scalar", [.tensor(self), .double(value)]).cast(type ?? .float32)
    }

    public func sum() throws(LTError) -> TorchTensor { try Torch.one("sum", [.tensor(self)]) }
    public func mean() throws(LTError) -> TorchTensor { try Torch.one("mean", [.tensor(self)]) }
    public func sum(axes: [Int], keepdims: Bool = true) throws(LTError) -> TorchTensor {
        try Torch.one("sum.dim_IntList", [.tensor(self), .ints(axes), .bool(keepdims)])
    }
    public func max(axis: Int, keepdims: Bool = true) throws(LTError) -> TorchTensor {
        try Torch.one("amax", [.tensor(self), .ints([axis]), .bool(keepdims)])
    }
    public func max() throws(LTError) -> TorchTensor { try Torch.one("max", [.tensor(self)]) }
    public func min(axis: Int, keepdims: Bool = true) throws(LTError) -> TorchTensor {
        try Torch.one("amin", [.tensor(self), .ints([axis]), .bool(keepdims)])
    }
    public func logSoftmax(axis: Int) throws(LTError) -> TorchTensor {
        try Torch.one("log_softmax.int", [.tensor(self), .int(axis)])
    }

    /// Per element max(z, 0) − z·y + ln(1 + exp(−|z|)), the stable form of −[y ln s(z) + (1−y) ln(1−s(z))].
    public func binaryCrossEntropy(_ targets: TorchTensor) throws(LTError) -> TorchTensor {
        try Torch.one(
            "binary_cross_entropy_with_logits", [.tensor(self), .tensor(targets), .none, .none, .int(0)])
    }

    public func reshaped(_ dims: [Int]) throws(LTError) -> TorchTensor {
        try Torch.one("reshape", [.tensor(self), .ints(dims)])
    }
    public func cast(_ type: ElementType) throws(LTError) -> TorchTensor {
        if type == self.type { return self }
        // c10::ScalarType.
        let scalarTypes: [ElementType: Int] = [
            .uint8: 0, .int8: 1, .int16: 2, .int32: 3, .int64: 4, .float16: 5, .float32: 6, .float64: 7, .bool: 11,
            .bfloat16: 15,
        ]
        guard let scalarType = scalarTypes[type] else {
            throw LTError(.unsupported, "no cast to \(type.onnxName) here")
        }
        return try Torch.one(
            "to.dtype", [.tensor(self), .int(scalarType), .bool(false), .bool(false), .none])
    }
    /// The same values with channels innermost, the layout that convolutions run fastest in; rank 4 or 5.
    public func channelsLast() throws(LTError) -> TorchTensor {
        guard rank == 4 || rank == 5 else { return self }
        // c10::MemoryFormat: 2 is ChannelsLast, 3 ChannelsLast3d.
        return try Torch.one("contiguous", [.tensor(self), .int(rank == 4 ? 2 : 3)])
    }
    /// Shares memory, forgets history.
    public func detached() throws(LTError) -> TorchTensor { try unary("detach") }
    public func clone() throws(LTError) -> TorchTensor { try unary("clone") }
    /// Overwrites the elements in place, unrecorded.
    public func copy(from other: TorchTensor) throws(LTError) {
        _ = try Torch.withoutGrad { () throws(LTError) in
            try Torch.call("copy_", [.tensor(self), .tensor(other)])
        }
    }
}
