// Kernels: how a reference kernel that is generic over the element type gets run: infer the outputs, allocate them,
// switch once over the type. Half precision is widened to float32, computed there and rounded once at the end; 8-bit
// floats, which no result of these kernels has, are widened too.

import LTCore

extension Tensor {
    /// Allocates an output, or refuses what a small file must not be able to ask for.
    static func output(_ type: ElementType, _ shape: Shape) throws(LTError) -> Tensor {
        guard shape.count <= OperatorLimits.outputBytes / max(1, type.bits / 8) else {
            throw LTError(
                .outOfMemory,
                "output \(shape) of tensor(\(type.onnxName)) is larger than \(OperatorLimits.outputBytes) bytes")
        }
        return try Tensor(type, shape)
    }

    /// Writes the elements of a float32 or float64 tensor.
    func fill(_ values: [Double]) {
        if type == .float64 {
            let target = elements(Double.self)
            for (index, value) in values.enumerated() { target[index] = value }
        } else {
            let target = elements(Float.self)
            for (index, value) in values.enumerated() { target[index] = Float(value) }
        }
    }
}

extension Operator {
    /// What `infer` says of the outputs for these very inputs, where the operator's shapes follow from values.
    func outline(_ inputs: [Tensor?]) throws(LTError) -> [(type: ElementType, shape: Shape)] {
        var result: [(type: ElementType, shape: Shape)] = []
        for facts in try infer(inputs.map { $0.map { Facts($0) } }) {
            guard let dims = facts.dims else {
                throw LTError(.unsupported, "an output of unknown rank, expected a known one")
            }
            var known: [Int] = []
            for dim in dims {
                guard let dim else {
                    throw LTError(.shapeMismatch, "output shape \(dims.text) is not known, expected known dimensions")
                }
                known.append(dim)
            }
            result.append((facts.type, try Shape(known)))
        }
        return result
    }

    /// The shape of the only output.
    func outputShape(_ inputs: [Tensor?]) throws(LTError) -> Shape { try outline(inputs)[0].shape }
}

/// An operator with one kernel for all number types, chosen by the type of input 0. `infer` has checked everything
/// when the kernel runs: absent inputs, types, ranks and shapes.
protocol NumberOperator: Operator {
    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError)
}

/// An operator with one kernel for float32 and float64 (and, widened, float16 and bfloat16).
protocol RealOperator: Operator {
    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError)
}

/// The bits of an integer.
typealias Bits = FixedWidthInteger & TensorElement & UnsignedInteger

/// An operator with one kernel for the bits of all integer types, with one output; signed tensors are seen as unsigned.
protocol BitsOperator: Operator {
    func kernel<T: Bits>(_: T.Type, _ inputs: [Tensor], _ output: Tensor)
}

extension BitsOperator {
    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let (type, shape) = try outline(inputs)[0]
        let output = try Tensor.output(type, shape)
        let (bits, result) = (inputs.compactMap { $0?.unsigned }, output.unsigned)
        switch result.type {
        case .uint8: kernel(UInt8.self, bits, result)
        case .uint16: kernel(UInt16.self, bits, result)
        case .uint32: kernel(UInt32.self, bits, result)
        default: kernel(UInt64.self, bits, result)
        }
        return [output]
    }
}

extension NumberOperator {
    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] { try computeNumbers(inputs) }

    func computeNumbers(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        try computing(inputs) { (inputs, outputs) throws(LTError) in
            switch inputs[0]?.type {
            case .float32: try kernel(Float.self, inputs, outputs)
            case .float64: try kernel(Double.self, inputs, outputs)
            case .int8: try kernel(Int8.self, inputs, outputs)
            case .int16: try kernel(Int16.self, inputs, outputs)
            case .int32: try kernel(Int32.self, inputs, outputs)
            case .int64: try kernel(Int64.self, inputs, outputs)
            case .uint8: try kernel(UInt8.self, inputs, outputs)
            case .uint16: try kernel(UInt16.self, inputs, outputs)
            case .uint32: try kernel(UInt32.self, inputs, outputs)
            case .uint64: try kernel(UInt64.self, inputs, outputs)
            default: throw unexpected(inputs[0])
            }
        }
    }
}

extension RealOperator {
    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        try computing(inputs) { (inputs, outputs) throws(LTError) in
            switch inputs[0]?.type {
            case .float32: try kernel(Float.self, inputs, outputs)
            case .float64: try kernel(Double.self, inputs, outputs)
            default: throw unexpected(inputs[0])
            }
        }
    }
}

extension Operator {
    fileprivate func computing(
        _ inputs: [Tensor?], _ body: ([Tensor?], [Tensor]) throws(LTError) -> Void
    ) throws(LTError) -> [Tensor] {
        let outline = try outline(inputs)
        var outputs: [Tensor] = []
        for (type, shape) in outline { outputs.append(try .output(type.isHalf ? .float32 : type, shape)) }
        var widened = inputs
        for (index, input) in inputs.enumerated() {
            if let input, input.type.isHalf || MiniFloat(input.type) != nil {
                widened[index] = try input.cast(to: .float32)
            }
        }
        try body(widened, outputs)
        for (index, (type, _)) in outline.enumerated() where type.isHalf {
            outputs[index] = try outputs[index].cast(to: type)
        }
        return outputs
    }

    fileprivate func unexpected(_ input: Tensor?) -> LTError {
        LTError(.typeMismatch, "\(Self.schema.name) has no kernel for tensor(\(input?.type.onnxName ?? "none"))")
    }
}

extension ElementType {
    /// Kernels compute these types in float32.
    var isHalf: Bool { self == .float16 || self == .bfloat16 }
}
