// LogisticFit: p = 1 / (1 + exp(−(a·u + b·v + c))) of up to two features by maximum likelihood, damped Newton from
// a = b = 0, until the gradient is below 10⁻¹³ per event or a step gains less than rounding. Targets are Platt's, (N₊+1)/(N₊+2) and 1/(N₋+2)
// (Platt 1999), which keeps the optimum finite where a threshold separates the outcomes or one kind is missing; or 0 and 1.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Two slopes and an offset.
struct LogisticFit {
    /// u, v and 1.
    var weights: SIMD3<Double>
    /// Negative log-likelihood, summed.
    var loss: Double

    /// - Parameters:
    ///   - features: u and v of an event.
    ///   - slopes: those to keep as they are; `nil` ones are fitted.
    static func fit(
        _ features: [SIMD2<Double>], hits: [Bool], slopes: (Double?, Double?), smoothed: Bool = true
    ) -> LogisticFit {
        let positives = Double(hits.count { $0 })
        let negatives = Double(hits.count) - positives
        let high = smoothed ? (positives + 1) / (positives + 2) : 1
        let low = smoothed ? 1 / (negatives + 2) : 0
        let free = SIMD3<Double>(slopes.0 == nil ? 1 : 0, slopes.1 == nil ? 1 : 0, 1)
        let start = SIMD3(slopes.0 ?? 0, slopes.1 ?? 0, log((positives + 1) / (negatives + 1)))
        let tolerance = 1e-13 * Double(max(hits.count, 1))

        var current = start
        var (value, gradient, hessian) = evaluate(features, hits, start, high, low)
        for _ in 0..<200 {
            gradient *= free
            if abs(gradient.x) < tolerance, abs(gradient.y) < tolerance, abs(gradient.z) < tolerance { break }
            guard let step = newtonStep(hessian, gradient, free) else { break }
            let descent = (gradient * step).sum()
            // What is left to gain is less than the loss's rounding: one more step is exact.
            if -descent <= 1e-14 * value {
                current += step
                break
            }
            var length = 1.0
            var moved = false
            while length >= 1e-10 {
                let next = current + length * step
                let tried = evaluate(features, hits, next, high, low)
                if tried.value <= value + 1e-4 * length * descent {
                    moved = next != current
                    current = next
                    (value, gradient, hessian) = tried
                    break
                }
                length /= 2
            }
            if !moved { break }
        }
        return LogisticFit(weights: current, loss: value)
    }

    /// Loss, its gradient, and the Hessian's columns.
    private static func evaluate(
        _ features: [SIMD2<Double>], _ hits: [Bool], _ weights: SIMD3<Double>, _ high: Double, _ low: Double
    ) -> (value: Double, gradient: SIMD3<Double>, hessian: (SIMD3<Double>, SIMD3<Double>, SIMD3<Double>)) {
        var value = 0.0
        var gradient = SIMD3<Double>.zero
        var hessian = (SIMD3<Double>.zero, SIMD3<Double>.zero, SIMD3<Double>.zero)
        for index in features.indices {
            let x = SIMD3(features[index], 1)
            let s = (weights * x).sum()
            let target = hits[index] ? high : low
            let e = exp(-abs(s))
            let p = s >= 0 ? 1 / (1 + e) : e / (1 + e)
            value += max(s, 0) + log1p(e) - target * s
            gradient += (p - target) * x
            let weighted = p * (1 - p) * x
            hessian.0 += weighted * x.x
            hessian.1 += weighted * x.y
            hessian.2 += weighted
        }
        return (value, gradient, hessian)
    }

    /// −H⁻¹g over the free parameters, by Cholesky; `nil` where H is not positive definite.
    private static func newtonStep(
        _ hessian: (SIMD3<Double>, SIMD3<Double>, SIMD3<Double>), _ gradient: SIMD3<Double>, _ free: SIMD3<Double>
    ) -> SIMD3<Double>? {
        var h = [hessian.0 * free * free.x, hessian.1 * free * free.y, hessian.2 * free * free.z]
        for index in 0..<3 { h[index][index] += free[index] == 1 ? 1e-12 : 1 }
        var l = [SIMD3<Double>](repeating: .zero, count: 3)
        for row in 0..<3 {
            for column in 0...row {
                var sum = h[row][column]
                for k in 0..<column { sum -= l[row][k] * l[column][k] }
                if row == column {
                    guard sum > 0 else { return nil }
                    l[row][row] = sum.squareRoot()
                } else {
                    l[row][column] = sum / l[column][column]
                }
            }
        }
        var step = SIMD3<Double>.zero
        for row in 0..<3 {
            var sum = -gradient[row]
            for k in 0..<row { sum -= l[row][k] * step[k] }
            step[row] = sum / l[row][row]
        }
        for row in (0..<3).reversed() {
            var sum = step[row]
            for k in row + 1..<3 { sum -= l[k][row] * step[k] }
            step[row] = sum / l[row][row]
        }
        return step
    }
}
