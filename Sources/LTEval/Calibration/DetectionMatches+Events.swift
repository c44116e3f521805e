// Calibration of detections: pairs of a score and whether it found an object at an IoU threshold (Dave et al. 2021 take 0.75).
// Ignored detections say nothing; objects that no detection found are missed positives. ECE is of pairs in 10 bins.

import LTCore
import LTDecision

extension DetectionMatches {
    /// The raw scores of each category with their outcomes, in the truth's order.
    /// - Parameters:
    ///   - threshold: position among the rules' IoU thresholds.
    ///   - isIn: which images count.
    public func events(threshold: Int, images isIn: (_ image: Int) -> Bool = { _ in true }) -> [BinaryEvents] {
        precondition(threshold >= 0 && threshold < thresholdCount)
        let bit = UInt32(1) << UInt32(threshold)
        return (0..<categoryCount).map { category in
            var events = BinaryEvents(scores: [], hits: [])
            for index in range(ofCategory: category) {
                let entry = self[index]
                guard entry.ignored & bit == 0, !entry.score.isNaN, isIn(entry.image) else { continue }
                events.scores.append(Float(entry.score))
                events.hits.append(entry.matched & bit != 0)
            }
            var objects = 0
            positives(ofCategory: category) { image, count in if isIn(image) { objects += count } }
            events.missed = max(0, objects - events.hitCount)
            return events
        }
    }
}

/// What calibration and thresholds do to detections: pairs of score and hit, by category.
public struct DetectionCalibration: Sendable {
    public static let bins = 10

    /// Share of pairs by bin of score, of each category; the error of all pairs pooled is ECE.
    public var classes: [CalibrationBins]
    /// Decisions at the thresholds.
    public var counts: [DecisionCounts]

    /// - Parameter events: raw scores, of each class of the layer.
    init(_ events: [BinaryEvents], _ decider: DetectionDecider) {
        classes = []
        counts = []
        for (index, own) in events.enumerated() {
            var bins = CalibrationBins(equalWidth: Self.bins)
            var count = DecisionCounts()
            count.positives = own.hitCount + own.missed
            for (raw, hit) in zip(own.scores, own.hits) {
                let score = decider.calibrated(raw, index)
                bins.add(Double(score), hit)
                guard score >= (decider.threshold(index) ?? decider.scoreThreshold) else { continue }
                count.predicted += 1
                if hit { count.truePositives += 1 }
            }
            classes.append(bins)
            counts.append(count)
        }
    }

    static func + (a: DetectionCalibration, b: DetectionCalibration) -> DetectionCalibration {
        var sum = a
        for index in sum.classes.indices {
            sum.classes[index] += b.classes[index]
            sum.counts[index] += b.counts[index]
        }
        return sum
    }

    /// Of all pairs of these classes.
    public func ece(_ members: [Int]) -> Double? {
        var bins = CalibrationBins(equalWidth: Self.bins)
        for index in members { bins += classes[index] }
        return bins.ece
    }
}

extension DecisionLayer {
    /// Returns the layer with calibration and thresholds fitted on detections of this model.
    /// - Parameters:
    ///   - matches: of raw scores, without calibration.
    ///   - truth: whose categories are found by the labels' ids.
    ///   - iou: from which overlap on a detection is right; one of the rules' thresholds.
    ///   - folds: 0 for no cross-fitted numbers.
    /// - Returns: the layer; what it does to these detections without a fit, with it, and cross-fitted.
    /// - Throws: `unsupported` for another task; `notFound` for an IoU that was not matched at or a model without labels or with one that the truth
    ///   does not know.
    public func fitted(
        on matches: DetectionMatches, _ truth: DetectionTruth, options: CalibrationOptions, iou: Double = 0.5,
        folds: Int = 0, fittedOn: String? = nil, model: String? = nil
    ) throws(LTError) -> (
        layer: DecisionLayer, before: DetectionCalibration, after: DetectionCalibration, crossed: DetectionCalibration?
    ) {
        guard task?.isDetection == true else {
            throw LTError(.unsupported, "task \(task?.rawValue ?? "unknown"), expected detection or segmentation")
        }
        guard let threshold = matches.rules.iouThresholds.firstIndex(where: { abs($0 - iou) < 1e-9 }) else {
            throw LTError(
                .notFound,
                "IoU \(iou), matched at \(matches.rules.iouThresholds.map { "\($0)" }.joined(separator: ", "))")
        }
        guard let labels else {
            throw LTError(
                .notFound, "the model does not name its classes (lt.labels)", hint: "give --labels to lt-infer")
        }
        var positions: [Int] = []
        for label in labels {
            guard let position = truth.categories.firstIndex(where: { $0.id == label.id }) else {
                throw LTError(.notFound, "no category of id \(label.id) ('\(label.name)') in the ground truth")
            }
            positions.append(position)
        }
        func events(_ isIn: (Int) -> Bool) -> [BinaryEvents] {
            let all = matches.events(threshold: threshold, images: isIn)
            return positions.map { all[$0] }
        }
        let all = events { _ in true }
        var layer = try fittedOnly(on: all, options, intervals: true)
        let before = DetectionCalibration(all, try DetectionDecider(withoutFit))
        let after = DetectionCalibration(all, try DetectionDecider(layer))
        var crossed: DetectionCalibration?
        if folds > 0 {
            guard folds >= 2, folds <= matches.imageCount else {
                throw LTError(.invalidArgument, "\(folds) folds of \(matches.imageCount) images")
            }
            var classesOf = [[Int]](repeating: [], count: matches.imageCount)
            for (index, position) in positions.enumerated() {
                matches.positives(ofCategory: position) { image, count in
                    if count > 0 { classesOf[image].append(index) }
                }
            }
            let split = Folds(folds, classesOf: classesOf, classCount: labels.count)
            for number in 0..<folds {
                let others = try fittedOnly(on: events { split.fold[$0] != number }, options, intervals: false)
                let part = DetectionCalibration(events { split.fold[$0] == number }, try DetectionDecider(others))
                crossed = crossed.map { $0 + part } ?? part
            }
        }
        let everything = Array(labels.indices)
        layer.calibration?.fittedOn = fittedOn
        layer.calibration?.model = model
        layer.calibration?.eceBefore = before.ece(everything)
        layer.calibration?.eceAfter = after.ece(everything)
        layer.calibration?.eceCrossFitted = crossed?.ece(everything)
        layer.thresholds?.fittedOn = fittedOn
        try layer.validate()
        return (layer, before, after, crossed)
    }

    private func fittedOnly(
        on events: [BinaryEvents], _ options: CalibrationOptions, intervals: Bool
    ) throws(LTError) -> DecisionLayer {
        var layer = withoutFit
        let shrinkage = shrinkage(options, classCount: events.count)
        let method = try Calibration.Method.fit(
            events.map { $0.mapping { Calibration.Method.logOdds($0) } }, options.method, shrinkage)
        layer.calibration = Calibration(method, shrinkage: shrinkage.positives)
        let decider = try DetectionDecider(layer)
        let calibrated = events.enumerated().map { index, own in
            own.mapping { decider.calibrated($0, index) }
        }
        layer.thresholds = Thresholds.fit(calibrated, options.thresholds, shrinkage, intervals: intervals)
        return layer
    }
}
