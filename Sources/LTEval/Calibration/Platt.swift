// Platt scaling: p = 1 / (1 + exp(A·s + B)), A and B by maximum likelihood of smoothed targets (N₊+1)/(N₊+2) and 1/(N₋+2)
// (Platt 1999); Newton's method with backtracking, started at A = 0, B = log((N₋+1)/(N₊+1)) (Lin, Lin & Weng 2007).
// Few positives: a slope fitted on a handful of events is noise, so a class with fewer than `minimum` positives or
// negatives, or whose own slope would turn the order round (A ≥ 0), takes the slope of all pairs and fits only B.

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

    /// Fits A and B on the scores of one class.
    /// - Parameters:
    ///   - slope: an A to keep; `nil` fits both.
    ///   - smoothed: Platt's targets; otherwise 0 and 1 (plain logistic regression, which has no finite optimum where a
    ///     threshold separates the labels).
    public static func fit(
        scores: [Float], labels: [Bool], slope: Double? = nil, smoothed: Bool = true
    ) -> Parameters {
        let positives = Double(labels.count { $0 })
        let negatives = Double(labels.count) - positives
        let high = smoothed ? (positives + 1) / (positives + 2) : 1
        let low = smoothed ? 1 / (negatives + 2) : 0
        let start = Parameters(a: slope ?? 0, b: log((negatives + 1) / (positives + 1)))

        // The loss of f = A s + B with target t: log(1 + e^f) − (1 − t) f, written for either sign of f.
        func loss(_ p: Parameters) -> Double {
            var sum = 0.0
            for (score, label) in zip(scores, labels) {
                let f = p.a * Double(score) + p.b
                let target = label ? high : low
                sum += f >= 0 ? target * f + log1p(exp(-f)) : (target - 1) * f + log1p(exp(f))
            }
            return sum
        }

        var current = start
        var value = loss(current)
        for _ in 0..<200 {
            var (gradientA, gradientB) = (0.0, 0.0)
            var (haa, hab, hbb) = (1e-12, 0.0, 1e-12)
            for (score, label) in zip(scores, labels) {
                let s = Double(score)
                let p = 1 / (1 + exp(current.a * s + current.b))
                let difference = (label ? high : low) - p
                let weight = p * (1 - p)
                gradientA += difference * s
                gradientB += difference
                haa += weight * s * s
                hab += weight * s
                hbb += weight
            }
            if slope != nil { (gradientA, haa, hab) = (0, 1, 0) }
            let scale = Double(max(scores.count, 1))
            if abs(gradientA) < 1e-13 * scale, abs(gradientB) < 1e-13 * scale { break }
            let determinant = haa * hbb - hab * hab
            guard determinant > 0 else { break }
            let stepA = -(hbb * gradientA - hab * gradientB) / determinant
            let stepB = -(haa * gradientB - hab * gradientA) / determinant
            let descent = gradientA * stepA + gradientB * stepB
            var length = 1.0
            var moved = false
            while length >= 1e-10 {
                let next = Parameters(a: current.a + length * stepA, b: current.b + length * stepB)
                let nextValue = loss(next)
                if nextValue <= value + 1e-4 * length * descent {
                    moved = next != current
                    (current, value) = (next, nextValue)
                    break
                }
                length /= 2
            }
            if !moved { break }
        }
        return current
    }

    /// Fits every class of a multi-label problem, with the rule for few positives above.
    public static func fitPerClass(_ predictions: MultilabelPredictions, minimum: Int) -> [Parameters] {
        let shared = fit(scores: predictions.scores, labels: predictions.labels)
        return predictions.positives.enumerated().map { index, positives in
            let scores = predictions.scores(ofClass: index)
            let labels = predictions.labels(ofClass: index)
            if min(positives, predictions.rowCount - positives) >= minimum {
                let own = fit(scores: scores, labels: labels)
                if own.a < 0 { return own }
            }
            return fit(scores: scores, labels: labels, slope: min(shared.a, 0))
        }
    }
}
