// Proper scores of probabilities. Multi-class: NLL = mean(logsumexp(z) − z_y); Brier = mean over images of
// Σ_c (p_c − [y = c])². Multi-label, every pair a binary event: NLL = −mean(log p of what happened), Brier = mean (p − y)².
// A probability that rounds to 0 counts as 2⁻¹⁴⁹ (the least float32 above 0) in the multi-label NLL.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Metric<MultilabelPredictions> {
    public static let pooledNLL = Metric("NLL", "NLL, all pairs", isShare: false) { input in
        mean(
            zip(input.scores, input.labels).lazy.map { score, label -> Double? in
                -log(max(label ? Double(score) : 1 - Double(score), Double(Float.leastNonzeroMagnitude)))
            })
    }

    public static let pooledBrier = Metric("Brier", "Brier score, all pairs", isShare: false) { input in
        mean(
            zip(input.scores, input.labels).lazy.map { score, label -> Double? in
                let difference = Double(score) - (label ? 1 : 0)
                return difference * difference
            })
    }
}

extension Metric<MulticlassPredictions> {
    public static let multiclassNLL = Metric("NLL", "NLL", isShare: false) { input in
        mean(
            (0..<input.rowCount).lazy.map { row -> Double? in
                let logits = input.logits(ofRow: row)
                let highest = Double(logits.max() ?? 0)
                let sum = logits.reduce(0) { $0 + exp(Double($1) - highest) }
                return highest + log(sum) - Double(logits[logits.startIndex + input.labels[row]])
            })
    }

    /// Divide by the number of classes for the other convention (mean over classes).
    public static let multiclassBrier = Metric("Brier", "Brier score (sum over classes)", isShare: false) { input in
        mean(
            (0..<input.rowCount).lazy.map { row -> Double? in
                var sum = 0.0
                for (index, p) in input.probabilities(ofRow: row).enumerated() {
                    let difference = p - (index == input.labels[row] ? 1 : 0)
                    sum += difference * difference
                }
                return sum
            })
    }
}
