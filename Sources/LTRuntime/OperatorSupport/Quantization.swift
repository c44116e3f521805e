// Quantization: what quantised operators share: how scales and zero points spread over a tensor, and the two formulas,
// y = saturate(round(x / scale) + zero point), ties to even, and x = (y − zero point) · scale.
// Arithmetic is in float32, as ONNX Runtime's; NaN becomes the least value.

import LTCore
import LTGraph

/// Which scale each element has: one for all, one per place of an axis, or one per block of places along it.
struct QuantizationSpread: Sendable {
    let axis: Int
    /// 0: no blocks.
    let blockSize: Int

    /// One scale for all.
    static let whole = QuantizationSpread(axis: 0, blockSize: 0)

    init(axis: Int, blockSize: Int) {
        self.axis = axis
        self.blockSize = blockSize
    }

    init(_ node: OperatorNode) throws(LTError) {
        axis = node.opset >= 13 ? try node.node.int("axis") ?? 1 : 1
        blockSize = node.opset >= 21 ? try node.node.int("block_size") ?? 0 : 0
        guard blockSize >= 0 else {
            throw LTError(.invalidArgument, "attribute 'block_size' is \(blockSize), expected at least 0")
        }
    }

    private func isWhole(_ scale: [Int?]) -> Bool { scale.count <= 1 && agree(scale.first ?? 1, 1) }

    /// Checks the shapes of scale and zero point as far as they are known.
    func check(_ x: Facts, scale: Facts, zeroPoint: Facts?) throws(LTError) {
        guard let scales = scale.dims else { return }
        if let zeros = zeroPoint?.dims, !(isWhole(scales) && isWhole(zeros)) {
            guard zeros.count == scales.count, zip(zeros, scales).allSatisfy({ agree($0, $1) }) else {
                throw LTError(.shapeMismatch, "zero point \(zeros.text), expected the scale's shape \(scales.text)")
            }
        }
        guard !isWhole(scales), let dims = x.dims else { return }
        let axis = try position(axis, rank: dims.count)
        var expected = dims
        if blockSize == 0 {
            expected = [dims[axis]]
        } else {
            expected[axis] = dims[axis].map { $0 / blockSize + ($0 % blockSize == 0 ? 0 : 1) }
        }
        guard scales.count == expected.count, zip(scales, expected).allSatisfy({ agree($0, $1) }) else {
            throw LTError(
                .shapeMismatch, "scale \(scales.text) for input \(dims.text), expected [] or \(expected.text)")
        }
    }

    /// Calls `body` with runs of neighbouring elements that share a scale, and with that scale's place.
    func forEachRun(_ x: Shape, _ scale: Shape, _ body: (Range<Int>, Int) -> Void) throws(LTError) {
        guard x.count > 0 else { return }
        if scale.count == 1, scale.rank <= 1 { return body(0..<x.count, 0) }
        let axis = try position(axis, rank: x.rank)
        let extent = x.dims[axis]
        let inner = x.dims[(axis + 1)...].reduce(1, *)
        for line in 0..<x.count / inner {
            let (start, place) = (line * inner, line % extent)
            guard blockSize > 0 else {
                body(start..<start + inner, place)
                continue
            }
            let row = (line / extent * scale.dims[axis] + place / blockSize) * inner
            for offset in 0..<inner { body(start + offset..<start + offset + 1, row + offset) }
        }
    }
}

extension ElementType {
    /// Of an attribute: a data type's number; nil where it is absent or 0.
    init?(_ node: Node, _ name: String, among types: Set<ElementType>) throws(LTError) {
        guard let number = try node.int(name), number != 0 else { return nil }
        guard let type = ElementType(rawValue: Int32(clamping: number)), types.contains(type) else {
            let names = types.sorted { $0.rawValue < $1.rawValue }.map { "\($0.rawValue) (\($0.onnxName))" }
            throw LTError(
                .unsupported, "attribute '\(name)' is \(number), expected \(names.joined(separator: ", "))")
        }
        self = type
    }

    /// The ends of an integer type that values are quantised to.
    fileprivate var limits: (low: Float, high: Float)? {
        let unsigned: Set<ElementType> = [.uint8, .uint16, .uint4, .uint2]
        let signed: Set<ElementType> = [.int8, .int16, .int4, .int2]
        if unsigned.contains(self) { return (0, Float(1 << bits - 1)) }
        return signed.contains(self) ? (-Float(1 << (bits - 1)), Float(1 << (bits - 1) - 1)) : nil
    }
}

extension Set<ElementType> {
    /// What scales are.
    static let scales: Self = [.float32, .float16, .bfloat16]
    static let bytes: Self = [.int8, .uint8]
    /// What floats are quantised to.
    static let quantized: Self = [
        .int8, .uint8, .int16, .uint16, .int4, .uint4, .int2, .uint2, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2,
        .float8e5m2fnuz, .float4e2m1,
    ]
}

extension Tensor {
    /// saturate(round(x / scale) + zero point).
    /// - Parameter precision: what the quotient is rounded to: a float type of at most 32 bits.
    func quantized(
        to type: ElementType, scale: Tensor, zeroPoint: Tensor?, _ spread: QuantizationSpread = .whole,
        precision: ElementType = .float32, _ rounding: MiniFloatRounding = MiniFloatRounding()
    ) throws(LTError) -> Tensor {
        let (x, scales) = (try inPrecision(precision), try scale.inPrecision(precision))
        let zeros = try zeroPoint?.cast(to: .float32)
        let (source, steps, offsets) = (
            x.elements(Float.self), scales.elements(Float.self), zeros?.elements(Float.self)
        )
        func fill<T>(_ target: UnsafeMutableBufferPointer<T>, _ convert: (Float, Float) -> T) throws(LTError) {
            try spread.forEachRun(shape, scale.shape) { run, place in
                let (step, offset) = (steps[place], offsets?[place] ?? 0)
                for index in run {
                    var quotient = source[index] / step
                    if precision == .float16 { quotient = Float(Float16(quotient)) }
                    if precision == .bfloat16 { quotient = BFloat16(quotient).float }
                    target[index] = convert(quotient, offset)
                }
            }
        }
        func integers<T: FixedWidthInteger>(
            _ target: UnsafeMutableBufferPointer<T>, _ limits: (low: Float, high: Float)
        ) throws(LTError) {
            try fill(target) { quotient, offset in
                T(requantized(quotient, offset, limits))
            }
        }
        if let format = MiniFloat(type) {
            let codes = try Tensor.output(.uint8, shape)
            try fill(codes.elements(UInt8.self)) { format.code(Double($0 + $1), rounding) }
            return try codes.coded(as: type)
        }
        guard let limits = type.limits else { throw Tensor.noCast(self.type, type) }
        let isTiny = Set<ElementType>.tinyIntegers.contains(type)
        let result = try Tensor.output(isTiny ? (limits.low < 0 ? .int8 : .uint8) : type, shape)
        switch result.type {
        case .int8: try integers(result.elements(Int8.self), limits)
        case .uint8: try integers(result.elements(UInt8.self), limits)
        case .int16: try integers(result.elements(Int16.self), limits)
        default: try integers(result.elements(UInt16.self), limits)
        }
        return isTiny ? try result.codes().coded(as: type) : result
    }

    /// (x − zero point) · scale, in float32 and then in `type`.
    func dequantized(
        as type: ElementType = .float32, scale: Tensor, zeroPoint: Tensor?, _ spread: QuantizationSpread = .whole
    ) throws(LTError) -> Tensor {
        let (x, scales, zeros) = (try widened(), try scale.cast(to: .float32), try zeroPoint?.cast(to: .float64))
        let (steps, offsets) = (scales.elements(Float.self), zeros?.elements(Double.self))
        let result = try Tensor.output(.float32, shape)
        let target = result.elements(Float.self)
        func fill<T: Number>(_: T.Type) throws(LTError) {
            let source = x.elements(T.self)
            try spread.forEachRun(shape, scale.shape) { run, place in
                let (step, offset) = (steps[place], offsets?[place] ?? 0)
                for index in run { target[index] = Float(source[index].double - offset) * step }
            }
        }
        switch x.type {
        case .int8: try fill(Int8.self)
        case .uint8: try fill(UInt8.self)
        case .int16: try fill(Int16.self)
        case .uint16: try fill(UInt16.self)
        case .int32: try fill(Int32.self)
        case .float32: try fill(Float.self)
        default: throw Tensor.noCast(self.type, type)
        }
        return try result.cast(to: type)
    }

    private func inPrecision(_ precision: ElementType) throws(LTError) -> Tensor {
        try (precision == .float32 ? self : cast(to: precision)).cast(to: .float32)
    }
}

/// round(value) + zero point, ties to even, within limits that are integers; NaN is the lower one.
func requantized(_ value: Float, _ zeroPoint: Float, _ limits: (low: Float, high: Float)) -> Int32 {
    let rounded = value.rounded(.toNearestOrEven) + zeroPoint
    return Int32(rounded >= limits.low ? min(rounded, limits.high) : limits.low)
}

/// A tensor of int8 or uint8 that is filled with quantised values.
struct ByteQuantizer {
    let result: Tensor
    private let zeroPoint: Float
    private let limits: (low: Float, high: Float)

    /// `zeroPoint` is a tensor of one element of that type; without one it is 0.
    init(_ type: ElementType, zeroPoint: Tensor?, _ shape: Shape) throws(LTError) {
        result = try Tensor.output(type, shape)
        self.zeroPoint = Float(try zeroPoint?.zeroPoints()[0] ?? 0)
        limits = type == .int8 ? (-128, 127) : (0, 255)
    }

    /// saturate(round(value) + zero point).
    func store(_ value: Float, at index: Int) {
        let code = UInt8(truncatingIfNeeded: requantized(value, zeroPoint, limits))
        result.rawPointer.storeBytes(of: code, toByteOffset: index, as: UInt8.self)
    }
}

extension Facts {
    /// Checks that a scale or zero point is one number.
    func expectSingle(_ name: String) throws(LTError) {
        guard let dims, let count = try dims.product(), count != 1 else { return }
        throw LTError(.shapeMismatch, "\(name) is \(dims.text), expected one element")
    }

    /// Checks that a scale or zero point is one number, or one per output channel of weights.
    func expectPerChannel(_ name: String, _ w: Facts) throws(LTError) {
        guard let dims, let count = try dims.product(), count != 1 else { return }
        guard dims.count == 1, let weights = w.dims, agree(count, weights.first ?? nil) else {
            throw LTError(.shapeMismatch, "\(name) is \(dims.text), expected one element or one per output channel")
        }
    }
}
