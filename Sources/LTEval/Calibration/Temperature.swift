// Temperature scaling (Guo et al. 2017): the T that minimises the negative log-likelihood of z / T on held-out data.
// In β = 1/T the NLL is convex; its derivative's root is found by Newton's method in log T, kept in a bracket that
// bisection shrinks, until log T moves by less than 1e-12. T stays in 0.01 … 100: data that want a T beyond (every score
// on the right side, or scores that say nothing) get the border. Per class log T is shrunk; a class at the border takes its
// group's.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Fits temperatures.
public enum Temperature {
    /// The temperatures that a fit stays in.
    public static let range = 0.01...100.0

    /// Solves slope(β) = 0 for an increasing slope.
    /// - Parameter slope: β ↦ (dNLL/dβ, d²NLL/dβ²).
    /// - Returns: T = 1/β.
    static func solve(_ slope: (Double) -> (first: Double, second: Double)) -> Double {
        var low = -log(range.upperBound)
        var high = -log(range.lowerBound)
        if slope(exp(low)).first >= 0 { return range.upperBound }
        if slope(exp(high)).first <= 0 { return range.lowerBound }
        var x = 0.0  // log β
        for _ in 0..<200 {
            let beta = exp(x)
            let (first, second) = slope(beta)
            if first == 0 { break }
            if first < 0 { low = x } else { high = x }
            // d/dx of first is second · β.
            var next = x - first / (second * beta)
            if !(next > low && next < high) { next = (low + high) / 2 }
            let step = abs(next - x)
            x = next
            if step < 1e-12 { break }
        }
        return exp(-x)
    }

    /// The temperature of a multi-class problem.
    public static func fit(_ predictions: MulticlassPredictions) -> Double {
        solve { beta in
            var first = 0.0
            var second = 0.0
            for row in 0..<predictions.rowCount {
                let logits = predictions.logits(ofRow: row)
                let highest = Double(logits.max() ?? 0)
                var sum = 0.0
                var weighted = 0.0
                var squared = 0.0
                for logit in logits {
                    let z = Double(logit) - highest
                    let e = exp(beta * z)
                    sum += e
                    weighted += e * z
                    squared += e * z * z
                }
                let expected = weighted / sum
                first += expected - (Double(logits[logits.startIndex + predictions.labels[row]]) - highest)
                second += squared / sum - expected * expected
            }
            return (first, second)
        }
    }

    /// The temperature of binary events.
    public static func fit(_ events: BinaryEvents) -> Double {
        solve { beta in
            var first = 0.0
            var second = 0.0
            for (score, label) in zip(events.scores, events.hits) {
                let z = Double(score)
                let p = 1 / (1 + exp(-beta * z))
                first += (p - (label ? 1 : 0)) * z
                second += p * (1 - p) * z * z
            }
            return (first, second)
        }
    }

    /// One temperature per class.
    public static func fit(_ classes: [BinaryEvents], _ shrinkage: Shrinkage) -> [Double] {
        shrinkage.fitted(classes) { events -> Double? in
            guard events.hits.contains(true) else { return nil }
            let own = fit(events)
            return own > range.lowerBound && own < range.upperBound ? log(own) : nil
        } blend: {
            $2 * $0 + (1 - $2) * $1
        }.map { exp($0 ?? 0) }
    }
}
