// Label ranking metrics: each image ranks its classes; the value is the mean over images. Reference: scikit-learn 1.9
// label_ranking_average_precision_score, label_ranking_loss, coverage_error. rank(j) = number of classes scoring ≥ s_j
// (ties count against the image).

extension MultilabelPredictions {
    /// The mean of `value` over images; it is given an image's ranking as runs of equal scores, best first:
    /// (classes up to and with the run, labels up to and with the run, labels in the run), and the number of labels.
    fileprivate func meanOverImages(_ value: ([(seen: Int, hits: Int, own: Int)], Int) -> Double) -> Double? {
        guard classCount > 0 else { return nil }
        return mean(
            stride(from: 0, to: scores.count, by: classCount).map { start in
                let ranking = Ranking(descending: Array(scores[start..<start + classCount]))
                var runs: [(seen: Int, hits: Int, own: Int)] = []
                var hits = 0
                var rank = 0
                for end in ranking.runEnds {
                    let before = hits
                    while rank < end {
                        if labels[start + ranking.positions[rank]] { hits += 1 }
                        rank += 1
                    }
                    runs.append((end, hits, hits - before))
                }
                return value(runs, hits)
            })
    }
}

extension Metric<MultilabelPredictions> {
    /// Mean over an image's labels of (labels ranked at least as high) ÷ rank; 1 for an image with no or every label.
    public static let labelRankingAP = Metric("LRAP", "label ranking AP") { input in
        input.meanOverImages { runs, labels in
            guard labels > 0, labels < input.classCount else { return 1 }
            var sum = 0.0
            for run in runs where run.own > 0 { sum += Double(run.own) * (Double(run.hits) / Double(run.seen)) }
            return sum / Double(labels)
        }
    }

    /// Share of an image's (label, other class) pairs in the wrong order, equal scores counting as wrong; 0 for an image
    /// with no or every label.
    public static let rankingLoss = Metric("ranking_loss", "ranking loss") { input in
        input.meanOverImages { runs, labels in
            guard labels > 0, labels < input.classCount else { return 0 }
            var wrong = 0
            for run in runs { wrong += run.own * (run.seen - run.hits) }
            return Double(wrong) / (Double(labels) * Double(input.classCount - labels))
        }
    }

    /// How far down the ranking one has to go for all labels: greatest rank of a label; 0 for an image without labels.
    public static let coverage = Metric("coverage", "coverage error", isShare: false) { input in
        input.meanOverImages { runs, _ in Double(runs.last { $0.own > 0 }?.seen ?? 0) }
    }
}
