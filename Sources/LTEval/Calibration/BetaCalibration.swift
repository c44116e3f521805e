// Beta calibration (Kull, Silva Filho & Flach 2017): logit p' = c + a·ln p − b·ln(1 − p) with a, b ≥ 0, so that the order
// stays; the logistic fit of those two features, the best of the fits with a, b or both held at 0 where a free one turns
// negative. Targets as Platt's. Per class a and b are shrunk, then c is fitted to the class's own events.
// In log-odds z: ln p = −softplus(−z), −ln(1 − p) = softplus(z); a = b is Platt scaling, a = b = 1 with c = 0 changes nothing.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Fits the beta map.
public enum BetaCalibration {
    public struct Parameters: Sendable, Equatable {
        public var a: Double
        public var b: Double
        public var c: Double

        public init(a: Double, b: Double, c: Double) {
            self.a = a
            self.b = b
            self.c = c
        }
    }

    /// Fits a, b and c.
    /// - Parameters:
    ///   - slopes: a and b to keep; `nil` fits all three.
    ///   - smoothed: as of `Platt`.
    public static func fit(
        _ events: BinaryEvents, slopes: (a: Double, b: Double)? = nil, smoothed: Bool = true
    ) -> Parameters {
        let features = events.scores.map { SIMD2(-softplus(-Double($0)), softplus(Double($0))) }
        func fitted(_ a: Double?, _ b: Double?) -> LogisticFit {
            LogisticFit.fit(features, hits: events.hits, slopes: (a, b), smoothed: smoothed)
        }
        func parameters(_ fit: LogisticFit) -> Parameters {
            Parameters(a: fit.weights.x, b: fit.weights.y, c: fit.weights.z)
        }
        if let slopes { return parameters(fitted(slopes.a, slopes.b)) }
        let free = fitted(nil, nil)
        if free.weights.x >= 0, free.weights.y >= 0 { return parameters(free) }
        let candidates = [fitted(0, nil), fitted(nil, 0), fitted(0, 0)]
        let best = candidates.filter { $0.weights.x >= 0 && $0.weights.y >= 0 }.min { $0.loss < $1.loss }
        return parameters(best ?? candidates[2])
    }

    /// Fits every class.
    public static func fit(_ classes: [BinaryEvents], _ shrinkage: Shrinkage) -> [Parameters] {
        let slopes = shrinkage.fitted(classes) { events -> SIMD2<Double>? in
            guard events.hits.contains(true), events.hits.contains(false) else { return nil }
            let own = fit(events)
            return own.a > 0 || own.b > 0 ? SIMD2(own.a, own.b) : nil
        } blend: {
            $2 * $0 + (1 - $2) * $1
        }
        return zip(classes, slopes).map { fit($0, slopes: $1.map { ($0.x, $0.y) } ?? (1, 1)) }
    }

    private static func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }
}
