// MiniFloat: the floating-point types of 8 and 4 bits as codes. Rounding is to nearest, ties to even, straight from
// double precision; what saturates and what becomes infinite or NaN follows ONNX's tables.
// https://onnx.ai/onnx/technical/float8.html, https://onnx.ai/onnx/technical/float4.html

/// How a number becomes a float of 8 or 4 bits.
public struct MiniFloatRounding: Sendable, Equatable {
    /// Towards which power of two `float8e8m0` rounds: ONNX's `round_mode`.
    public enum Mode: String, Sendable, CaseIterable {
        case up, down, nearest
    }

    /// Numbers out of range become the largest finite one, instead of infinity or NaN.
    public var saturates: Bool
    public var mode: Mode

    public init(saturates: Bool = true, mode: Mode = .up) {
        self.saturates = saturates
        self.mode = mode
    }
}

/// A floating-point format whose codes fit into a byte.
public struct MiniFloat: Sendable {
    private enum Special {
        /// The largest code is NaN, there is no infinity (fn).
        case lastIsNaN
        /// Infinity and NaNs as in IEEE 754.
        case ieee
        /// The code of -0 is NaN (fnuz).
        case negativeZeroIsNaN
        /// Neither NaN nor infinity.
        case finite
        /// Powers of two alone: no sign, no zero; the largest code is NaN.
        case power
    }

    private let special: Special
    private let fractionBits: Int
    /// The exponent of the smallest normal number.
    private let leastExponent: Int
    private let sign: UInt8
    /// The largest finite code.
    private let greatest: Int
    private let nan: UInt8

    private static let e4m3fn = MiniFloat(.lastIsNaN, 3, leastExponent: -6, sign: 0x80, greatest: 0x7E, nan: 0x7F)
    private static let e4m3fnuz = MiniFloat(
        .negativeZeroIsNaN, 3, leastExponent: -7, sign: 0x80, greatest: 0x7F, nan: 0x80)
    private static let e5m2 = MiniFloat(.ieee, 2, leastExponent: -14, sign: 0x80, greatest: 0x7B, nan: 0x7F)
    private static let e5m2fnuz = MiniFloat(
        .negativeZeroIsNaN, 2, leastExponent: -15, sign: 0x80, greatest: 0x7F, nan: 0x80)
    private static let e8m0 = MiniFloat(.power, 0, leastExponent: -127, sign: 0, greatest: 0xFE, nan: 0xFF)
    private static let e2m1 = MiniFloat(.finite, 1, leastExponent: 0, sign: 8, greatest: 7, nan: 8)

    private init(
        _ special: Special, _ fractionBits: Int, leastExponent: Int, sign: UInt8, greatest: Int, nan: UInt8
    ) {
        self.special = special
        self.fractionBits = fractionBits
        self.leastExponent = leastExponent
        self.sign = sign
        self.greatest = greatest
        self.nan = nan
    }

    /// The format of an element type; `nil` for types that are none of these.
    public init?(_ type: ElementType) {
        switch type {
        case .float8e4m3fn: self = .e4m3fn
        case .float8e4m3fnuz: self = .e4m3fnuz
        case .float8e5m2: self = .e5m2
        case .float8e5m2fnuz: self = .e5m2fnuz
        case .float8e8m0: self = .e8m0
        case .float4e2m1: self = .e2m1
        default: return nil
        }
    }

    /// The code of a number.
    public func code(_ value: Double, _ rounding: MiniFloatRounding = MiniFloatRounding()) -> UInt8 {
        if case .power = special { return power(value, rounding) }
        let isNegative = value.sign == .minus
        // float4e2m1 has no NaN: ONNX gives -0, the code `nan`, whatever the sign.
        if value.isNaN { return special == .finite ? nan : nan | (isNegative ? sign : 0) }
        let size = value.magnitude
        var code = Int.max
        if size < 0x1p20 {
            // Rounding the fraction may carry into the exponent: as codes that is the next one.
            let exponent = size == 0 ? leastExponent : max(Int(size.exponent), leastExponent)
            let fraction = (size * Double(sign: .plus, exponent: fractionBits - exponent, significand: 1))
                .rounded(.toNearestOrEven)
            code = (exponent - leastExponent) << fractionBits + Int(fraction)
        }
        if code > greatest {
            guard !rounding.saturates, special != .finite else { return UInt8(greatest) | (isNegative ? sign : 0) }
            let overflow = special == .ieee ? UInt8(greatest + 1) : nan
            return overflow | (isNegative ? sign : 0)
        }
        if code == 0, special == .negativeZeroIsNaN { return 0 }
        return UInt8(code) | (isNegative ? sign : 0)
    }

    /// The code of a power of two near |value|. Zero is below the smallest one, negative numbers have no meaning in ONNX.
    private func power(_ value: Double, _ rounding: MiniFloatRounding) -> UInt8 {
        let size = value.magnitude
        guard !size.isNaN else { return nan }
        guard size >= 0x1p-127 else { return rounding.saturates ? 0 : nan }
        guard size <= 0x1p127 else {
            let rounds = rounding.mode == .down || rounding.mode == .nearest && size < 0x1.8p127
            return rounding.saturates || rounds && size < 0x1p128 ? 0xFE : nan
        }
        let code = Int(size.exponent) + 127
        let fraction = size.significand - 1
        switch rounding.mode {
        case .up: return UInt8(fraction > 0 ? code + 1 : code)
        case .down: return UInt8(code)
        case .nearest: return UInt8(fraction >= 0.5 ? code + 1 : code)
        }
    }

    /// The number that a code stands for; bits above those of the type are ignored.
    public func value(_ code: UInt8) -> Float {
        if case .power = special {
            return code == nan ? .nan : Float(sign: .plus, exponent: Int(code) - 127, significand: 1)
        }
        let size = Int(code & (sign - 1))
        let isNegative = code & sign != 0
        if special == .negativeZeroIsNaN, isNegative, size == 0 { return .nan }
        if size > greatest {
            guard special == .ieee, size == greatest + 1 else { return .nan }
            return isNegative ? -.infinity : .infinity
        }
        let normal = max(size >> fractionBits, 1) - 1
        let fraction = size - normal << fractionBits
        let exponent = leastExponent + normal - fractionBits
        let magnitude = Float(fraction) * Float(sign: .plus, exponent: exponent, significand: 1)
        return isNegative ? -magnitude : magnitude
    }
}
