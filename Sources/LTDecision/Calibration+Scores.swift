// The arithmetic of calibration, the same everywhere: parameters and values are float32; temperature is one division, vector
// and Platt a product and a sum (not fused); beta is float64, rounded once; isotonic is float32 throughout:
// t = (z − x₀) / (x₁ − x₀), score = min(y₀ + t·(y₁ − y₀), y₁) between neighbouring knots, y of the outer knots beyond.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Calibration.Method {
    /// Whether scores come straight from the map, or its result still goes through the activation.
    var givesScores: Bool { if case .isotonic = self { true } else { false } }

    /// Whether the map takes the log-odds of one class; under softmax it then works one against the rest.
    public var isPerClass: Bool { if case .vector = self { false } else { true } }

    /// The calibrated log-odds; isotonic: the calibrated score.
    @inline(__always)
    func map(_ z: Float, _ index: Int) -> Float {
        switch self {
        case .temperature(let t): return z / t[index]
        case .vector(let w, let b):
            let product = w[index] * z
            return product + b[index]
        case .platt(let a, let b):
            let product = a[index] * z
            return -(product + b[index])
        case .beta(let a, let b, let c):
            let z = Double(z)
            return Float(
                Double(c[index]) - Double(a[index]) * Self.softplus(-z) + Double(b[index]) * Self.softplus(z))
        case .isotonic(let x, let y): return Self.interpolated(z, x[index], y[index])
        }
    }

    /// The calibrated score of one class.
    /// - Parameter z: its log-odds.
    public func score(_ z: Float, ofClass index: Int) -> Float {
        let mapped = map(z, index)
        return givesScores ? mapped : Decider.sigmoid(mapped)
    }

    /// ln(1 + eˣ).
    static func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }

    static func interpolated(_ z: Float, _ x: [Float], _ y: [Float]) -> Float {
        if z.isNaN { return z }
        guard z > x[0] else { return y[0] }
        guard z < x[x.count - 1] else { return y[y.count - 1] }
        var (low, high) = (0, x.count - 1)
        while high - low > 1 {
            let middle = (low + high) / 2
            if x[middle] <= z { low = middle } else { high = middle }
        }
        let t = (z - x[low]) / (x[high] - x[low])
        let rise = t * (y[high] - y[low])
        return min(y[low] + rise, y[high])
    }

    /// ln(p / (1 − p)) of a p kept within 2⁻¹²⁶ … 1 − 2⁻²⁴, so that it is finite; float64, rounded once.
    public static func logOdds(_ p: Float) -> Float {
        DetectionDecider.logOdds(p.isNaN ? p : min(max(p, 0x1p-126), 1 - 0x1p-24))
    }
}
