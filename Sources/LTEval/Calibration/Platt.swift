// Platt scaling: p = 1 / (1 + exp(A·z + B)), A and B by maximum likelihood of smoothed targets (Platt 1999; Newton as Lin,
// Lin & Weng 2007). Per class the logarithms of the slopes −A are shrunk, then B is fitted to the class's own events; a class
// whose own slope would turn the order round (A ≥ 0) takes its group's.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Fits Platt's sigmoid.
public enum Platt {
    public struct Parameters: Sendable, Equatable {
        public var a: Double
        public var b: Double

        public init(a: Double, b: Double) {
            self.a = a
            self.b = b
        }
    }

    /// Fits A and B.
    /// - Parameters:
    ///   - slope: an A to keep; `nil` fits both.
    ///   - smoothed: Platt's targets; otherwise 0 and 1 (plain logistic regression, which has no finite optimum where a
    ///     threshold separates the outcomes).
    public static func fit(_ events: BinaryEvents, slope: Double? = nil, smoothed: Bool = true) -> Parameters {
        let weights = LogisticFit.fit(
            events.scores.map { SIMD2(Double($0), 0) }, hits: events.hits, slopes: (slope.map { -$0 }, 0),
            smoothed: smoothed
        ).weights
        return Parameters(a: -weights.x, b: -weights.z)
    }

    /// Fits every class.
    public static func fit(_ classes: [BinaryEvents], _ shrinkage: Shrinkage) -> [Parameters] {
        let slopes = shrinkage.fitted(classes) { events -> Double? in
            guard events.hits.contains(true), events.hits.contains(false) else { return nil }
            let slope = -fit(events).a
            return slope > 0 ? log(slope) : nil
        } blend: {
            $2 * $0 + (1 - $2) * $1
        }
        return zip(classes, slopes).map { fit($0, slope: -exp($1 ?? 0)) }
    }
}
