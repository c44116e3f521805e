// L-BFGS (Nocedal & Wright, Numerical Optimization, algorithm 7.4) with 12 pairs and backtracking, for smooth convex functions.

enum LBFGS {
    /// - Parameters:
    ///   - tolerance: of the gradient's greatest component.
    ///   - evaluate: the value at a point; sets the gradient.
    static func minimise(
        from start: [Double], tolerance: Double, evaluate: (_ point: [Double], _ gradient: inout [Double]) -> Double
    ) -> [Double] {
        var point = start
        var gradient = [Double](repeating: 0, count: start.count)
        var value = evaluate(point, &gradient)
        var pairs: [(s: [Double], y: [Double], rho: Double)] = []
        func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        for _ in 0..<1000 {
            guard gradient.contains(where: { abs($0) > tolerance }) else { break }
            var direction = gradient.map { -$0 }
            var alphas: [Double] = []
            for pair in pairs.reversed() {
                let alpha = pair.rho * dot(pair.s, direction)
                alphas.append(alpha)
                for index in direction.indices { direction[index] -= alpha * pair.y[index] }
            }
            if let last = pairs.last {
                let scale = 1 / (last.rho * dot(last.y, last.y))
                for index in direction.indices { direction[index] *= scale }
            } else {
                let length = dot(gradient, gradient).squareRoot()
                for index in direction.indices { direction[index] /= max(length, 1) }
            }
            for (pair, alpha) in zip(pairs, alphas.reversed()) {
                let beta = pair.rho * dot(pair.y, direction)
                for index in direction.indices { direction[index] += (alpha - beta) * pair.s[index] }
            }
            let descent = dot(gradient, direction)
            guard descent < 0 else {
                if pairs.isEmpty { break }
                pairs.removeAll()
                continue
            }
            var length = 1.0
            var next = point
            var nextGradient = gradient
            var nextValue = value
            repeat {
                for index in point.indices { next[index] = point[index] + length * direction[index] }
                nextValue = evaluate(next, &nextGradient)
                // The slack is what rounding makes of a value.
                if nextValue <= value + 1e-4 * length * descent + 1e-15 * abs(value) { break }
                length /= 2
            } while length > 1e-12
            guard length > 1e-12, next != point else { break }
            let s = zip(next, point).map { $0 - $1 }
            let y = zip(nextGradient, gradient).map { $0 - $1 }
            let curvature = dot(s, y)
            if curvature > 0 {
                if pairs.count == 12 { pairs.removeFirst() }
                pairs.append((s, y, 1 / curvature))
            }
            (point, gradient, value) = (next, nextGradient, nextValue)
        }
        return point
    }
}
