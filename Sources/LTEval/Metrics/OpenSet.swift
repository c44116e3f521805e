// The open-set F-measure of OLTR and classifier-balancing: an image whose greatest probability is below the threshold is
// rejected (predicted −1); TP = known and right, FP = known and not right (rejected ones among them), FN = unknown and
// accepted; P = TP/(TP+FP), R = TP/(TP+FN), F = 2·P·R/(P + R + 10⁻¹²), as their code has it. 0/0 is 0.

extension MulticlassSummary {
    /// - Parameter threshold: the least greatest probability of an image that is taken for known (0.1 in the papers).
    /// - Returns: `nil` without images of no known class.
    public func openSetF(threshold: Double) -> Double? {
        guard !unknown.isEmpty else { return nil }
        let right = confidences.hits.indices.count {
            confidences.hits[$0] && confidences.confidence[$0] >= threshold
        }
        let accepted = unknown.count { $0.confidence >= threshold }
        let precision = ratio(right, rowCount)
        let recall = ratio(right, right + accepted)
        return 2 * (precision * recall) / (precision + recall + 1e-12)
    }

    /// The share of images of no known class that are rejected.
    public func rejected(threshold: Double) -> Double? {
        unknown.isEmpty ? nil : ratio(unknown.count { $0.confidence < threshold }, unknown.count)
    }
}
