// Casting: one element type to another. Floats to integers truncate and saturate (NaN gives 0); wider integers to
// narrower ones keep the low bits; anything to bool is x ≠ 0; to half precision by one rounding, ties to even.

import LTCore

extension Tensor {
    /// The same values in another number type or bool.
    /// - Throws: `unsupported` for types without a conversion (strings go through `CastOperator`).
    func cast(to type: ElementType) throws(LTError) -> Tensor {
        if type == self.type { return self }
        let result = try Tensor.output(type, shape)
        switch self.type {
        case .float32: try convert(Float.self, into: result) { $0 }
        case .float64: try convert(Double.self, into: result) { $0 }
        case .float16: try convert(Float16.self, into: result) { Float($0) }
        case .bfloat16: try convert(BFloat16.self, into: result) { $0.float }
        case .int8: try convert(Int8.self, into: result) { $0 }
        case .int16: try convert(Int16.self, into: result) { $0 }
        case .int32: try convert(Int32.self, into: result) { $0 }
        case .int64: try convert(Int64.self, into: result) { $0 }
        case .uint8: try convert(UInt8.self, into: result) { $0 }
        case .uint16: try convert(UInt16.self, into: result) { $0 }
        case .uint32: try convert(UInt32.self, into: result) { $0 }
        case .uint64: try convert(UInt64.self, into: result) { $0 }
        case .bool: try convert(Bool.self, into: result) { $0 ? UInt8(1) : 0 }
        default: throw Tensor.noCast(self.type, type)
        }
        return result
    }

    private func convert<Source: TensorElement, Value: Convertible>(
        _: Source.Type, into result: Tensor, _ widen: (Source) -> Value
    ) throws(LTError) {
        let source = elements(Source.self)
        func fill<Target: TensorElement>(_: Target.Type, _ convert: (Value) -> Target) {
            let target = result.elements(Target.self)
            for index in source.indices { target[index] = convert(widen(source[index])) }
        }
        switch result.type {
        case .float32: fill(Float.self) { $0.float }
        case .float64: fill(Double.self) { $0.asDouble }
        case .float16: fill(Float16.self) { $0.float16 }
        case .bfloat16: fill(BFloat16.self) { BFloat16($0.float) }
        case .int8: fill(Int8.self) { $0.integer() }
        case .int16: fill(Int16.self) { $0.integer() }
        case .int32: fill(Int32.self) { $0.integer() }
        case .int64: fill(Int64.self) { $0.integer() }
        case .uint8: fill(UInt8.self) { $0.integer() }
        case .uint16: fill(UInt16.self) { $0.integer() }
        case .uint32: fill(UInt32.self) { $0.integer() }
        case .uint64: fill(UInt64.self) { $0.integer() }
        case .bool: fill(Bool.self) { $0.isTrue }
        default: throw Tensor.noCast(type, result.type)
        }
    }

    static func noCast(_ from: ElementType, _ to: ElementType) -> LTError {
        LTError(.unsupported, "no conversion from tensor(\(from.onnxName)) to tensor(\(to.onnxName))")
    }
}

/// What one element can become.
private protocol Convertible {
    var float: Float { get }
    var asDouble: Double { get }
    var float16: Float16 { get }
    var isTrue: Bool { get }
    func integer<T: FixedWidthInteger & Number>() -> T
}

extension Convertible where Self: BinaryFloatingPoint {
    var float: Float { Float(self) }
    var asDouble: Double { Double(self) }
    var float16: Float16 { Float16(self) }
    var isTrue: Bool { self != 0 }
    func integer<T: FixedWidthInteger & Number>() -> T { T(saturating: Double(self)) }
}

extension Convertible where Self: FixedWidthInteger {
    var float: Float { Float(self) }
    var asDouble: Double { Double(self) }
    var float16: Float16 { Float16(self) }
    var isTrue: Bool { self != 0 }
    func integer<T: FixedWidthInteger & Number>() -> T { T(truncatingIfNeeded: self) }
}

extension Float: Convertible {}
extension Double: Convertible {}
extension Int8: Convertible {}
extension Int16: Convertible {}
extension Int32: Convertible {}
extension Int64: Convertible {}
extension UInt8: Convertible {}
extension UInt16: Convertible {}
extension UInt32: Convertible {}
extension UInt64: Convertible {}

extension Set<ElementType> {
    /// What Cast converts between.
    static let castable: Self = numbers.union([.bool, .string])
}

extension Tensor {
    /// `cast`, and strings read and written as numbers ("3.14", "-inf", "1e-5").
    func castWithStrings(to target: ElementType) throws(LTError) -> Tensor {
        if type == target { return self }
        if type == .string { return try parsed(as: target) }
        guard target == .string else { return try cast(to: target) }
        guard count <= OperatorLimits.outputBytes / 16 else {
            throw LTError(.outOfMemory, "output \(shape) of strings is larger than \(OperatorLimits.outputBytes) bytes")
        }
        switch type {
        case .float32: return try Tensor(strings: elements(Float.self).map { "\($0)" }, dims)
        case .float64: return try Tensor(strings: elements(Double.self).map { "\($0)" }, dims)
        case .float16: return try Tensor(strings: elements(Float16.self).map { "\($0)" }, dims)
        case .bfloat16: return try Tensor(strings: elements(BFloat16.self).map { "\($0.float)" }, dims)
        case .uint64: return try Tensor(strings: elements(UInt64.self).map { "\($0)" }, dims)
        default: return try Tensor(strings: try cast(to: .int64).array(of: Int64.self).map { "\($0)" }, dims)
        }
    }

    private func parsed(as target: ElementType) throws(LTError) -> Tensor {
        if target.isInteger,
            let exact = try? Tensor(strings.map { (text) throws(LTError) in try Tensor.integer(text) }, dims)
        {
            return try exact.cast(to: target)
        }
        var numbers: [Double] = []
        for text in strings {
            guard let number = Double(text) else {
                throw LTError(.invalidArgument, "string '\(text.prefix(64))', expected a number")
            }
            numbers.append(number)
        }
        return try Tensor(numbers, dims).cast(to: target)
    }

    private static func integer(_ text: String) throws(LTError) -> Int64 {
        guard let number = Int64(text) else {
            throw LTError(.invalidArgument, "string '\(text.prefix(64))' is no integer")
        }
        return number
    }
}
