// Area under the ROC curve: the share of (positive, negative) pairs in which the positive scores higher; equal scores
// count one half. Reference: scikit-learn 1.9 roc_auc_score. Undefined for a class with one kind of label only.

/// The area under the ROC curve; `nil` when all labels are alike.
public func rocAUC(scores: [Float], labels: [Bool]) -> Double? {
    let positives = labels.count { $0 }
    let negatives = labels.count - positives
    guard positives > 0, negatives > 0 else { return nil }
    let ranking = Ranking(descending: scores)
    // Twice the number of pairs in the right order, a whole number.
    var won = 0
    var hits = 0
    var rank = 0
    for end in ranking.runEnds {
        let hitsBefore = hits
        let start = rank
        while rank < end {
            if labels[ranking.positions[rank]] { hits += 1 }
            rank += 1
        }
        let misses = (end - start) - (hits - hitsBefore)
        won += misses * (hitsBefore + hits)
    }
    return Double(won) / (2 * Double(positives) * Double(negatives))
}

extension Metric<MultilabelPredictions> {
    /// Mean over the classes for which it is defined.
    public static let rocAUC = Metric("ROC_AUC", "ROC AUC") { input in
        mean(
            (0..<input.classCount).map {
                LTEval.rocAUC(scores: input.scores(ofClass: $0), labels: input.labels(ofClass: $0))
            })
    }
}
