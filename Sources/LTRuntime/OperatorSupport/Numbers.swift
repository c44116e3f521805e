// Numbers: the arithmetic that reference kernels are generic over. Integers wrap around; nothing traps.
// float16 and bfloat16 have no arithmetic of their own: kernels see them widened to float32 (see Kernels.swift).

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An element type with arithmetic that never traps.
protocol Number: TensorElement, Comparable {
    static var zero: Self { get }
    static var one: Self { get }
    static var lowest: Self { get }
    static var highest: Self { get }
    static var isSigned: Bool { get }
    var isNaN: Bool { get }
    var double: Double { get }
    /// A number whose order is that of the values: −0 equals 0, NaN comes last and equals itself.
    var orderKey: UInt64 { get }
    /// Truncates towards zero, saturates at the ends; NaN gives 0 for integers.
    init(saturating value: Double)
    func plus(_ other: Self) -> Self
    func minus(_ other: Self) -> Self
    func times(_ other: Self) -> Self
    /// Integers truncate towards zero; an integer divided by zero is 0, as in NumPy.
    func over(_ other: Self) -> Self
    /// The remainder with the divisor's sign (`fmod` false) or the dividend's (`fmod` true); integer modulo 0 is 0.
    func modulo(_ other: Self, fmod: Bool) -> Self
}

extension Number {
    var negated: Self { Self.zero.minus(self) }
    var absolute: Self { self < .zero ? negated : self }
    /// NaN wins, as in NumPy's maximum.
    func maximum(_ other: Self) -> Self { isNaN ? self : other.isNaN ? other : self < other ? other : self }
    func minimum(_ other: Self) -> Self { isNaN ? self : other.isNaN ? other : other < self ? other : self }
}

extension Number where Self: FixedWidthInteger {
    static var one: Self { 1 }
    static var lowest: Self { min }
    static var highest: Self { max }
    var isNaN: Bool { false }
    var double: Double { Double(self) }
    var orderKey: UInt64 { UInt64(truncatingIfNeeded: self) ^ (Self.isSigned ? 1 << 63 : 0) }
    init(saturating value: Double) {
        // Both ends are compared as doubles: Double(Int64.max) rounds up to 2^63, which does not fit any more.
        if value.isNaN {
            self = 0
        } else if value <= Double(Self.min) {
            self = .min
        } else if value >= Double(Self.max) {
            self = .max
        } else {
            self = Self(value)
        }
    }
    func plus(_ other: Self) -> Self { self &+ other }
    func minus(_ other: Self) -> Self { self &- other }
    func times(_ other: Self) -> Self { self &* other }
    func over(_ other: Self) -> Self { other == 0 ? 0 : dividedReportingOverflow(by: other).partialValue }
    func modulo(_ other: Self, fmod: Bool) -> Self {
        guard other != 0 else { return 0 }
        let remainder = remainderReportingOverflow(dividingBy: other).partialValue
        return !fmod && remainder != 0 && (remainder < 0) != (other < 0) ? remainder &+ other : remainder
    }
}

/// A floating-point element type with the elementary functions.
protocol Real: Number, BinaryFloatingPoint {
    /// The C library's function in this precision.
    static func apply(_ function: RealFunction, _ x: Self) -> Self
    func power(_ exponent: Self) -> Self
}

/// The elementary functions that kernels use.
enum RealFunction {
    case exp, expm1, log, log1p, erf
    case sin, cos, tan, asin, acos, atan
    case sinh, cosh, tanh, asinh, acosh, atanh
}

extension Number where Self: BinaryFloatingPoint {
    static var one: Self { 1 }
    static var lowest: Self { -.infinity }
    static var highest: Self { .infinity }
    static var isSigned: Bool { true }
    var double: Double { Double(self) }
    var orderKey: UInt64 {
        let bits = (Double(self) + 0).bitPattern
        return isNaN ? .max : bits >> 63 == 0 ? bits | 1 << 63 : ~bits
    }
    init(saturating value: Double) { self.init(value) }
    func plus(_ other: Self) -> Self { self + other }
    func minus(_ other: Self) -> Self { self - other }
    func times(_ other: Self) -> Self { self * other }
    func over(_ other: Self) -> Self { self / other }
    func modulo(_ other: Self, fmod: Bool) -> Self {
        let remainder = truncatingRemainder(dividingBy: other)
        return !fmod && remainder != 0 && (remainder < 0) != (other < 0) ? remainder + other : remainder
    }
}

extension Real {
    var exponential: Self { Self.apply(.exp, self) }
    var logarithm: Self { Self.apply(.log, self) }
    var hyperbolicTangent: Self { Self.apply(.tanh, self) }
    var errorFunction: Self { Self.apply(.erf, self) }
    /// 1 / (1 + e^-x), without overflow for large |x|.
    var logistic: Self {
        if self >= 0 { return 1 / (1 + (-self).exponential) }
        let power = exponential
        return power / (1 + power)
    }
    /// ln(1 + e^x), without overflow for large x.
    var softplus: Self { Swift.max(self, 0) + Self.apply(.log1p, (-self.magnitude).exponential) }
}

extension Float: Real {
    static func apply(_ function: RealFunction, _ x: Float) -> Float {
        switch function {
        case .exp: expf(x)
        case .expm1: expm1f(x)
        case .log: logf(x)
        case .log1p: log1pf(x)
        case .erf: erff(x)
        case .sin: sinf(x)
        case .cos: cosf(x)
        case .tan: tanf(x)
        case .asin: asinf(x)
        case .acos: acosf(x)
        case .atan: atanf(x)
        case .sinh: sinhf(x)
        case .cosh: coshf(x)
        case .tanh: tanhf(x)
        case .asinh: asinhf(x)
        case .acosh: acoshf(x)
        case .atanh: atanhf(x)
        }
    }
    func power(_ exponent: Float) -> Float { powf(self, exponent) }
}

extension Double: Real {
    static func apply(_ function: RealFunction, _ x: Double) -> Double {
        switch function {
        case .exp: exp(x)
        case .expm1: expm1(x)
        case .log: log(x)
        case .log1p: log1p(x)
        case .erf: erf(x)
        case .sin: sin(x)
        case .cos: cos(x)
        case .tan: tan(x)
        case .asin: asin(x)
        case .acos: acos(x)
        case .atan: atan(x)
        case .sinh: sinh(x)
        case .cosh: cosh(x)
        case .tanh: tanh(x)
        case .asinh: asinh(x)
        case .acosh: acosh(x)
        case .atanh: atanh(x)
        }
    }
    func power(_ exponent: Double) -> Double { pow(self, exponent) }
}

extension Int8: Number {}
extension Int16: Number {}
extension Int32: Number {}
extension Int64: Number {}
extension UInt8: Number {}
extension UInt16: Number {}
extension UInt32: Number {}
extension UInt64: Number {}

extension Set<ElementType> {
    static let reals: Self = [.float32, .float64, .float16, .bfloat16]
    static let integers: Self = [.int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64]
    static let numbers: Self = reals.union(integers)
    static let float8s: Self = [.float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz]
    static let tinyIntegers: Self = [.int4, .uint4, .int2, .uint2]
    static let complex: Self = [.complex64, .complex128]
    static let indices: Self = [.int32, .int64]
    /// Every type: operators that only move elements.
    static let all = Self(ElementType.allCases)
}

extension ElementType {
    /// Types without arithmetic that fit into a byte; see `Tensor.widened`.
    var isNarrow: Bool { Set<ElementType>.tinyIntegers.contains(self) || MiniFloat(self) != nil }
}
