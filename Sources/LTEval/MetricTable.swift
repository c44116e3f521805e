// MetricTable: the metrics of each kind of task, in the order of the reports. One line per metric; its file is in Metrics.

/// The registry of metrics.
public enum MetricTable {
    /// Of raw scores, without any threshold.
    public static let multilabelRanking: [Metric<MultilabelPredictions>] = [
        .mAP, .mAPMicro, .mAPWeighted, .mAPSamples,
        .vocAP11, .vocAPInterpolated,
        .rocAUC,
        .labelRankingAP, .rankingLoss, .coverage,
    ]

    /// Of decisions.
    public static let multilabelDecisions: [Metric<MultilabelDecisions>] = [
        .microF1, .macroF1, .samplesF1,
        .classPrecision, .classRecall, .classF1Harmonic,
        .overallPrecision, .overallRecall,
        .labelAccuracy, .hammingLoss, .subsetAccuracy,
    ]

    /// Of scores in 0…1, every (image, class) pair a binary event.
    public static let multilabelCalibration: [Metric<MultilabelPredictions>] = [
        .pooledECE, .pooledMCE, .classwiseECE, .pooledNLL, .pooledBrier,
    ]

    /// Of raw scores and one label per image.
    public static let multiclass: [Metric<MulticlassPredictions>] = [
        .top1, .top5, .balancedAccuracy, .multiclassMacroF1,
        .multiclassECE, .multiclassMCE, .multiclassAdaptiveECE, .multiclassClasswiseECE, .multiclassNLL,
        .multiclassBrier,
    ]
}
