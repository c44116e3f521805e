// Accuracies of multi-label decisions. Reference: DistributionBalancedLoss' "acc" (mean over classes of the share of
// images decided rightly), scikit-learn 1.9 hamming_loss (its complement) and accuracy_score (subset accuracy: the share
// of images with every class right).

extension MultilabelDecisions {
    /// The share of images decided rightly, for each class.
    public var classAccuracy: [Double] { classCounts.map { ratio(rowCount - $0.wrong, rowCount) } }
}

extension Metric<MultilabelDecisions> {
    public static let labelAccuracy = Metric("accuracy", "accuracy, class mean") { mean($0.classAccuracy) }

    public static let hammingLoss = Metric("hamming_loss", "Hamming loss") { input in
        input.overallCounts.map { Double($0.wrong) / Double(input.rowCount * input.classCounts.count) }
    }

    public static let subsetAccuracy = Metric("subset_accuracy", "subset accuracy") {
        $0.meanOverImages(Double($0.images.right))
    }
}
