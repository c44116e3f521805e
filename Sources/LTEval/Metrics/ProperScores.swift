// Proper scores of probabilities. Multi-class: NLL = mean(logsumexp(z) − z_y); Brier = mean over images of
// Σ_c (p_c − [y = c])², and of the mean over c for the other convention. Multi-label, every pair a binary event:
// NLL = −mean(log p of what happened), Brier = mean (p − y)².
// A probability that rounds to 0 counts as 2⁻¹⁴⁹ (the least float32 above 0) in the multi-label NLL, and in the
// multi-class NLL of scores that come as probabilities.

extension Metric<MultilabelCalibration> {
    public static let pooledNLL = Metric("NLL", "NLL, all pairs", isShare: false) { $0.meanOverPairs(\.nll) }
    public static let pooledBrier = Metric("Brier", "Brier score, all pairs", isShare: false) {
        $0.meanOverPairs(\.brier)
    }
}

extension Metric<MulticlassSummary> {
    public static let multiclassNLL = Metric("NLL", "NLL", isShare: false) { input in
        input.rowCount == 0 ? nil : input.nll / Double(input.rowCount)
    }
    public static let multiclassBrier = Metric("Brier", "Brier score (sum over classes)", isShare: false) { input in
        input.rowCount == 0 ? nil : input.brier / Double(input.rowCount)
    }
    public static let multiclassBrierMean = Metric("Brier_mean", "Brier score (mean over classes)", isShare: false) {
        input in
        input.rowCount == 0 ? nil : input.brier / Double(input.rowCount) / Double(input.classCounts.count)
    }
}
