// Accuracies of multi-label decisions. Reference: DistributionBalancedLoss' "acc" (mean over classes of the share of
// images decided rightly), scikit-learn 1.9 hamming_loss (its complement) and accuracy_score (subset accuracy: the share
// of images with every class right).

extension MultilabelDecisions {
    /// The share of images decided rightly, for each class.
    public var classAccuracy: [Double] {
        var right = [Int](repeating: 0, count: classCount)
        for cell in decisions.indices where decisions[cell] == labels[cell] { right[cell % classCount] += 1 }
        return right.map { ratio($0, rowCount) }
    }
}

extension Metric<MultilabelDecisions> {
    public static let labelAccuracy = Metric("accuracy", "accuracy, class mean") { mean($0.classAccuracy) }

    public static let hammingLoss = Metric("hamming_loss", "Hamming loss") { input in
        guard !input.decisions.isEmpty else { return nil }
        let wrong = input.decisions.indices.count { input.decisions[$0] != input.labels[$0] }
        return Double(wrong) / Double(input.decisions.count)
    }

    public static let subsetAccuracy = Metric("subset_accuracy", "subset accuracy") { input in
        guard !input.decisions.isEmpty else { return nil }
        let right = stride(from: 0, to: input.decisions.count, by: input.classCount).count { start in
            (start..<start + input.classCount).allSatisfy { input.decisions[$0] == input.labels[$0] }
        }
        return Double(right) / Double(input.rowCount)
    }
}
