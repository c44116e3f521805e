// Area under the ROC curve: the share of (positive, negative) pairs in which the positive scores higher; equal scores
// count one half. Reference: scikit-learn 1.9 roc_auc_score. Undefined for a class with one kind of label only.

/// The area under the ROC curve; `nil` when all labels are alike.
public func rocAUC(scores: [Float], labels: [Bool]) -> Double? {
    RankedPositives(scores: scores, labels: labels).rocAUC
}

extension RankedPositives {
    var rocAUC: Double? {
        let negatives = count - positives
        guard positives > 0, negatives > 0 else { return nil }
        // Twice the number of pairs in the right order, a whole number.
        var won = 0
        forEachRun { seen, hits, own in
            let above = above[hits - 1]  // the run's start
            let below = negatives - (seen - hits)
            let tied = (seen - above) - own
            won += own * (2 * below + tied)
        }
        return Double(won) / (2 * Double(positives) * Double(negatives))
    }
}

extension Metric<MultilabelRanking> {
    /// Mean over the classes for which it is defined.
    public static let rocAUC = Metric("ROC_AUC", "ROC AUC") { mean($0.classes.map(\.rocAUC)) }
}
