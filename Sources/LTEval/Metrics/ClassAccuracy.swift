// Accuracy per class (recall), its mean over classes (balanced accuracy) and over frequency groups (many, medium, few).
// Reference: shot_acc of OLTR and classifier-balancing. Classes that the test labels lack are skipped; an empty group is
// `nil` (the reference prints 0).

extension MulticlassPredictions {
    /// The share of each class's images that are classified rightly; `nil` for a class without images.
    public var classAccuracy: [Double?] {
        var right = [Int](repeating: 0, count: classCount)
        var total = right
        for (label, prediction) in zip(labels, predictions) {
            total[label] += 1
            if label == prediction { right[label] += 1 }
        }
        return (0..<classCount).map { total[$0] == 0 ? nil : Double(right[$0]) / Double(total[$0]) }
    }

    /// Mean accuracy of some classes.
    public func accuracy(ofClasses classes: [Int]) -> Double? {
        let accuracy = classAccuracy
        return mean(classes.map { accuracy[$0] })
    }
}

extension Metric<MulticlassPredictions> {
    public static let balancedAccuracy = Metric("balanced_accuracy", "balanced accuracy") { mean($0.classAccuracy) }
}
