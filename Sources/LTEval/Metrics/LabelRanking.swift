// Label ranking metrics: each image ranks its classes; the value is the mean over images. Reference: scikit-learn 1.9
// label_ranking_average_precision_score, label_ranking_loss, coverage_error. rank(j) = number of classes scoring ≥ s_j
// (ties count against the image).

/// Sums over images of what each image's ranking of its classes gives.
struct ImageRankings: Sendable {
    var averagePrecision = 0.0
    var labelRankingAP = 0.0
    var rankingLoss = 0.0
    var coverage = 0

    static func += (sum: inout ImageRankings, other: ImageRankings) {
        sum.averagePrecision += other.averagePrecision
        sum.labelRankingAP += other.labelRankingAP
        sum.rankingLoss += other.rankingLoss
        sum.coverage += other.coverage
    }

    /// Adds an image by the ranks of its labels.
    mutating func add(_ labels: RankedPositives) {
        let (own, others) = (labels.positives, labels.count - labels.positives)
        let average = labels.averagePrecision
        averagePrecision += average
        coverage += labels.reached.last ?? 0
        guard own > 0, others > 0 else {
            labelRankingAP += 1
            return
        }
        labelRankingAP += average
        var wrong = 0
        labels.forEachRun { seen, hits, own in wrong += own * (seen - hits) }
        rankingLoss += Double(wrong) / (Double(own) * Double(others))
    }
}

extension Metric<MultilabelRanking> {
    /// Mean over an image's labels of (labels ranked at least as high) ÷ rank; 1 for an image with no or every label.
    public static let labelRankingAP = Metric("LRAP", "label ranking AP") { input in
        input.classes.isEmpty ? nil : input.images.labelRankingAP / Double(input.rowCount)
    }

    /// Share of an image's (label, other class) pairs in the wrong order, equal scores counting as wrong; 0 for an image
    /// with no or every label.
    public static let rankingLoss = Metric("ranking_loss", "ranking loss") { input in
        input.classes.isEmpty ? nil : input.images.rankingLoss / Double(input.rowCount)
    }

    /// How far down the ranking one has to go for all labels: greatest rank of a label; 0 for an image without labels.
    public static let coverage = Metric("coverage", "coverage error", isShare: false) { input in
        input.classes.isEmpty ? nil : Double(input.images.coverage) / Double(input.rowCount)
    }
}
