// Vector scaling (Guo et al. 2017): softmax(w ∘ z + b), w and b by maximum likelihood, L-BFGS to a gradient of 10⁻⁹ per image.
// Shrinkage is a normal prior: that of a class is centred on its group's w and b, that of a group on one temperature for all
// (w = 1/T, b = 0), each as strong as n₀ images at p = ½: precision n₀/4 for b, n₀/4 · variance of the logits for w. Without
// it a class that no image has drifts to b → −∞. b is given with sum 0, as softmax does not see a constant.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Fits vector scaling.
public enum VectorScaling {
    public struct Parameters: Sendable, Equatable {
        /// One per class.
        public var w: [Double]
        public var b: [Double]
    }

    public static func fit(_ predictions: MulticlassPredictions, _ shrinkage: Shrinkage) -> Parameters {
        let classes = predictions.classCount
        let scale = 1 / Temperature.fit(predictions)
        var prior = Parameters(
            w: [Double](repeating: scale, count: classes), b: [Double](repeating: 0, count: classes))
        if shrinkage.positives > 0, shrinkage.groups.count > 1 {
            // One w and b for each group, and for each class that is in none.
            var tied = [Int](repeating: -1, count: classes)
            for (number, group) in shrinkage.groups.enumerated() { for index in group { tied[index] = number } }
            var count = shrinkage.groups.count
            for index in tied.indices where tied[index] < 0 {
                tied[index] = count
                count += 1
            }
            prior = solve(predictions, prior, tied: tied, count: count, shrinkage.positives)
        }
        var result = solve(predictions, prior, tied: Array(0..<classes), count: classes, shrinkage.positives)
        let mean = result.b.reduce(0, +) / Double(classes)
        for index in 0..<classes { result.b[index] -= mean }
        return result
    }

    /// - Parameter tied: the number of each class's parameters; classes of one number share them.
    private static func solve(
        _ predictions: MulticlassPredictions, _ prior: Parameters, tied: [Int], count: Int, _ strength: Double
    ) -> Parameters {
        let classes = predictions.classCount
        let rows = predictions.rowCount
        let precisionB = strength / 4
        let precisionW = precisionB * variance(predictions)
        var center = [Double](repeating: 0, count: 2 * count)
        for index in 0..<classes {
            center[tied[index]] = prior.w[index]
            center[count + tied[index]] = prior.b[index]
        }
        let solution = LBFGS.minimise(from: center, tolerance: 1e-9 * Double(rows)) { theta, gradient in
            var value = 0.0
            for index in 0..<count {
                let (w, b) = (theta[index] - center[index], theta[count + index] - center[count + index])
                value += (precisionW * w * w + precisionB * b * b) / 2
                gradient[index] = precisionW * w
                gradient[count + index] = precisionB * b
            }
            var scaled = [Double](repeating: 0, count: classes)
            predictions.logits.withUnsafeBufferPointer { logits in
                for row in 0..<rows {
                    let base = row * classes
                    var highest = -Double.infinity
                    for index in 0..<classes {
                        scaled[index] = theta[tied[index]] * Double(logits[base + index]) + theta[count + tied[index]]
                        highest = max(highest, scaled[index])
                    }
                    let label = predictions.labels[row]
                    value += highest - scaled[label]
                    var sum = 0.0
                    for index in 0..<classes {
                        scaled[index] = exp(scaled[index] - highest)
                        sum += scaled[index]
                    }
                    value += log(sum)
                    for index in 0..<classes {
                        let difference = scaled[index] / sum - (index == label ? 1 : 0)
                        gradient[tied[index]] += difference * Double(logits[base + index])
                        gradient[count + tied[index]] += difference
                    }
                }
            }
            return value
        }
        return Parameters(
            w: (0..<classes).map { solution[tied[$0]] }, b: (0..<classes).map { solution[count + tied[$0]] })
    }

    /// Of the logits about the mean of their image.
    private static func variance(_ predictions: MulticlassPredictions) -> Double {
        var sum = 0.0
        for row in 0..<predictions.rowCount {
            let logits = predictions.logits(ofRow: row)
            let mean = logits.reduce(0) { $0 + Double($1) } / Double(logits.count)
            sum += logits.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        }
        return sum / Double(predictions.logits.count)
    }
}
