// DetectionReliability: detection calibration error (D-ECE): how far scores are from the share of detections that are right
// (matched at an IoU threshold, 0.75 by default), in 10 bins (m−1)/M < score ≤ m/M; ignored detections do not count.
// Pooled: bins of all detections of the categories together; class-wise: mean over categories with detections.
// Dave et al., "Evaluating Large-Vocabulary Object Detectors: The Devil is in the Details", 2021, §5.

import LTCore

/// Scores against hits, per category.
public struct DetectionReliability: Sendable {
    /// The IoU threshold at which a detection is right.
    public let iou: Double
    /// Each category's bins; empty when scores are not all in 0 … 1.
    private let categories: [CalibrationBins]

    /// - Parameter iou: the nearest of the protocol's thresholds is taken.
    public init(_ matches: DetectionMatches, iou: Double = 0.75, bins: Int = 10) {
        let thresholds = matches.rules.iouThresholds
        let threshold = thresholds.indices.min { abs(thresholds[$0] - iou) < abs(thresholds[$1] - iou) } ?? 0
        self.iou = thresholds[threshold]
        let bit: UInt32 = 1 << UInt32(threshold)
        var categories: [CalibrationBins] = []
        for category in 0..<matches.categoryCount {
            var own = CalibrationBins(equalWidth: bins)
            for index in matches.range(ofCategory: category) {
                guard matches.ignored[index] & bit == 0 else { continue }
                let score = matches.scores[index]
                guard score >= 0, score <= 1 else {
                    self.categories = []
                    return
                }
                own.add(score, matches.matched[index] & bit != 0)
            }
            categories.append(own)
        }
        self.categories = categories
    }

    /// Whether all scores are in 0 … 1; else nothing is defined.
    public var isDefined: Bool { !categories.isEmpty }

    /// The bins of categories together, all by default.
    public func bins(categories chosen: [Int]? = nil) -> CalibrationBins? {
        guard let first = categories.first else { return nil }
        var sum = [CalibrationBins.Bin](repeating: CalibrationBins.Bin(), count: first.bins.count)
        for category in chosen ?? Array(categories.indices) {
            for (index, bin) in categories[category].bins.enumerated() {
                sum[index].count += bin.count
                sum[index].hits += bin.hits
                sum[index].confidence += bin.confidence
            }
        }
        return CalibrationBins(sum)
    }

    /// Error of all detections of the categories; `nil` without any.
    public func pooled(categories chosen: [Int]? = nil) -> Double? { bins(categories: chosen)?.ece }

    /// Mean of the categories' own errors, over those with detections.
    public func classwise(categories chosen: [Int]? = nil) -> Double? {
        guard isDefined else { return nil }
        let values = (chosen ?? Array(categories.indices)).compactMap { categories[$0].ece }
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
}
