// MetricTable: the metrics of each kind of task, in the order of the reports. One line per metric; its file is in Metrics.

/// The registry of metrics.
public enum MetricTable {
    /// Of raw scores, without any threshold.
    public static let multilabelRanking: [Metric<MultilabelRanking>] = [
        .mAP, .mAPMicro, .mAPWeighted, .mAPSamples,
        .vocAP11, .vocAPInterpolated,
        .rocAUC,
        .labelRankingAP, .rankingLoss, .coverage,
    ]

    /// Of decisions.
    public static let multilabelDecisions: [Metric<MultilabelDecisions>] = [
        .microF1, .macroF1, .weightedF1, .samplesF1, .samplesPrecision, .samplesRecall,
        .classPrecision, .classRecall, .classF1Harmonic,
        .overallPrecision, .overallRecall,
        .labelAccuracy, .hammingLoss, .subsetAccuracy,
    ]

    /// Of scores in 0…1, every (image, class) pair a binary event.
    public static let multilabelCalibration: [Metric<MultilabelCalibration>] = [
        .pooledECE, .pooledMCE, .classwiseECE, .pooledNLL, .pooledBrier,
    ]

    /// Of raw scores and one label per image.
    public static let multiclass: [Metric<MulticlassSummary>] = [
        .top1, .top5, .top1Error, .balancedAccuracy, .geometricMeanRecall,
        .multiclassMacroF1, .multiclassMacroPrecision, .multiclassMacroRecall, .multiclassWeightedF1,
        .precisionOverAllClasses, .matthews, .cohenKappa,
    ]

    /// Of probabilities and one label per image.
    public static let multiclassCalibration: [Metric<MulticlassSummary>] = [
        .multiclassECE, .multiclassMCE, .multiclassAdaptiveECE, .multiclassClasswiseECE, .multiclassNLL,
        .multiclassBrier, .multiclassBrierMean,
    ]
}
