// Casting: one element type to another. Floats to integers truncate and saturate (NaN gives 0); wider integers to
// narrower ones keep the low bits, as does anything to integers of 4 and 2 bits; anything to bool is x ≠ 0; to floats of
// lower precision by one rounding, ties to even.

import LTCore

extension Tensor {
    /// The same values in another number type or bool.
    /// - Parameter rounding: how numbers become floats of 8 bits.
    /// - Throws: `unsupported` for types without a conversion (strings go through `CastOperator`).
    func cast(
        to type: ElementType, _ rounding: MiniFloatRounding = MiniFloatRounding()
    ) throws(LTError) -> Tensor {
        if type == self.type { return self }
        guard !self.type.isNarrow else { return try widened().cast(to: type, rounding) }
        guard !type.isNarrow else { return try narrowed(to: type, rounding) }
        let result = try Tensor.output(type, shape)
        try convert(into: result)
        return result
    }

    /// Integers of 4 and 2 bits as int8 or uint8, floats of 8 and 4 bits as float32; other tensors as they are.
    func widened() throws(LTError) -> Tensor {
        guard type.isNarrow else { return self }
        let (codes, count) = (try codes(), count)
        let source = codes.elements(UInt8.self)
        guard let format = MiniFloat(type) else {
            guard type == .int4 || type == .int2 else { return codes }
            let result = try Tensor.output(.int8, shape)
            let (target, unused) = (result.elements(Int8.self), UInt8(8 - type.bits))
            for index in 0..<count { target[index] = Int8(bitPattern: source[index] << unused) >> Int8(unused) }
            return result
        }
        let values = (0...UInt8.max).map(format.value)
        let result = try Tensor.output(.float32, shape)
        let target = result.elements(Float.self)
        for index in 0..<count { target[index] = values[Int(source[index])] }
        return result
    }

    private func narrowed(to type: ElementType, _ rounding: MiniFloatRounding) throws(LTError) -> Tensor {
        let codes = try Tensor.output(.uint8, shape)
        if let format = MiniFloat(type) {
            try convert(into: codes) { format.code($0, rounding) }
        } else {
            let integers = try cast(to: .int32)
            let (source, target) = (integers.elements(Int32.self), codes.elements(UInt8.self))
            for index in source.indices { target[index] = UInt8(truncatingIfNeeded: source[index]) }
        }
        return try codes.coded(as: type)
    }

    /// Converts to the result's type; `code` says how where that is the byte of another type.
    private func convert(into result: Tensor, code: ((Double) -> UInt8)? = nil) throws(LTError) {
        switch self.type {
        case .float32: try convert(Float.self, into: result, code) { $0 }
        case .float64: try convert(Double.self, into: result, code) { $0 }
        case .float16: try convert(Float16.self, into: result, code) { Float($0) }
        case .bfloat16: try convert(BFloat16.self, into: result, code) { $0.float }
        case .int8: try convert(Int8.self, into: result, code) { $0 }
        case .int16: try convert(Int16.self, into: result, code) { $0 }
        case .int32: try convert(Int32.self, into: result, code) { $0 }
        case .int64: try convert(Int64.self, into: result, code) { $0 }
        case .uint8: try convert(UInt8.self, into: result, code) { $0 }
        case .uint16: try convert(UInt16.self, into: result, code) { $0 }
        case .uint32: try convert(UInt32.self, into: result, code) { $0 }
        case .uint64: try convert(UInt64.self, into: result, code) { $0 }
        case .bool: try convert(Bool.self, into: result, code) { $0 ? UInt8(1) : 0 }
        default: throw Tensor.noCast(self.type, result.type)
        }
    }

    private func convert<Source: TensorElement, Value: Convertible>(
        _: Source.Type, into result: Tensor, _ code: ((Double) -> UInt8)?, _ widen: (Source) -> Value
    ) throws(LTError) {
        let source = elements(Source.self)
        func fill<Target: TensorElement>(_: Target.Type, _ convert: (Value) -> Target) {
            let target = result.elements(Target.self)
            for index in source.indices { target[index] = convert(widen(source[index])) }
        }
        if let code { return fill(UInt8.self) { code($0.asDouble) } }
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
    static let castable: Self = all.subtracting(complex)
}

extension Tensor {
    /// `cast`, and strings read and written as numbers ("3.14", "-inf", "1e-5").
    func castWithStrings(
        to target: ElementType, _ rounding: MiniFloatRounding = MiniFloatRounding()
    ) throws(LTError) -> Tensor {
        if type == target { return self }
        if type == .string { return try parsed(as: target).cast(to: target, rounding) }
        guard target == .string else { return try cast(to: target, rounding) }
        if type.isNarrow { return try widened().castWithStrings(to: target) }
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

    /// The numbers that strings spell, as int64 or float64, whichever leads to the target without loss.
    private func parsed(as target: ElementType) throws(LTError) -> Tensor {
        if target.isInteger || Set<ElementType>.tinyIntegers.contains(target),
            let exact = try ifPossible({ () throws(LTError) in
                try Tensor(strings.map { (text) throws(LTError) in try Tensor.integer(text) }, dims)
            })
        {
            return exact
        }
        var numbers: [Double] = []
        for text in strings {
            guard let number = Double(text) else {
                throw LTError(.invalidArgument, "string '\(text.prefix(64))', expected a number")
            }
            numbers.append(number)
        }
        return try Tensor(numbers, dims)
    }

    private static func integer(_ text: String) throws(LTError) -> Int64 {
        guard let number = Int64(text) else {
            throw LTError(.invalidArgument, "string '\(text.prefix(64))' is no integer")
        }
        return number
    }
}

/// Attributes of Cast and CastLike: `saturate` (since opset 19) and `round_mode` (since 24).
extension MiniFloatRounding {
    init(_ node: OperatorNode) throws(LTError) {
        self.init()
        if node.opset >= 19 { saturates = try node.node.int("saturate") ?? 1 != 0 }
        guard node.opset >= 24, let name = try node.node.string("round_mode") else { return }
        guard let mode = Mode(rawValue: name) else {
            throw LTError(.invalidArgument, "attribute 'round_mode' is '\(name)', expected up, down or nearest")
        }
        self.mode = mode
    }
}
