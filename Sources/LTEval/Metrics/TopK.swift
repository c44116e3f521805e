// Top-k accuracy: the share of images whose class is among the k highest scores; equal scores rank by class index.

extension MulticlassPredictions {
    /// The share of images whose class is among the `k` highest scores.
    public func topK(_ k: Int) -> Double {
        let right = (0..<rowCount).count { row in
            let logits = logits(ofRow: row)
            let own = logits.startIndex + labels[row]
            return logits.indices.count { logits[$0] > logits[own] || (logits[$0] == logits[own] && $0 < own) } < k
        }
        return Double(right) / Double(rowCount)
    }
}

extension Metric<MulticlassPredictions> {
    public static let top1 = Metric("top1", "top-1 accuracy") { $0.topK(1) }
    public static let top5 = Metric("top5", "top-5 accuracy") { $0.topK(5) }
}
