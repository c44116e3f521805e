// Accuracy per class (recall), its mean over classes (balanced accuracy) and over frequency groups (many, medium, few).
// References: shot_acc of OLTR and classifier-balancing; the macro recall of CDB-loss on EGTEA; scikit-learn 1.9
// balanced_accuracy_score. Classes that the test labels lack are skipped; an empty group is `nil` (shot_acc prints 0).
// The geometric mean is 0 as soon as one class is never right.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension MulticlassSummary {
    /// The share of each class's images that are classified rightly; `nil` for a class without images.
    public var classAccuracy: [Double?] { classCounts.map { $0.positives == 0 ? nil : $0.recall } }

    /// Mean accuracy of some classes.
    public func accuracy(ofClasses classes: [Int]) -> Double? {
        mean(classes.map { classCounts[$0].positives == 0 ? nil : classCounts[$0].recall })
    }
}

extension MulticlassPredictions {
    /// The share of each class's images that are classified rightly; `nil` for a class without images.
    public var classAccuracy: [Double?] { summary().classAccuracy }
}

extension Metric<MulticlassSummary> {
    public static let balancedAccuracy = Metric("balanced_accuracy", "balanced accuracy (macro recall)") {
        mean($0.classAccuracy)
    }

    public static let geometricMeanRecall = Metric("G_mean", "geometric mean of class accuracies") { input in
        mean(input.classAccuracy.map { $0.map { log($0) } }).map { exp($0) }
    }
}
