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

/// Scores and decisions about detections of each class of a layer, counted.
struct DetectionCounts: Sendable {
    static let bins = 10

    var bins: [CalibrationBins]
    var decisions: [DecisionCounts]

    /// - Parameter events: raw scores of each class.
    init(_ events: [BinaryEvents], _ decider: DetectionDecider) {
        bins = []
        decisions = []
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
            self.bins.append(bins)
            decisions.append(count)
        }
    }

    static func + (a: DetectionCounts, b: DetectionCounts) -> DetectionCounts {
        var sum = a
        for index in sum.bins.indices {
            sum.bins[index] += b.bins[index]
            sum.decisions[index] += b.decisions[index]
        }
        return sum
    }

    /// Of all pairs of these classes.
    func ece(_ members: [Int]) -> Double? {
        var sum = CalibrationBins(equalWidth: Self.bins)
        for index in members { sum += bins[index] }
        return sum.ece
    }
}

/// A decision layer fitted on detections, and what it does to them.
public struct DetectionFit: Sendable {
    public private(set) var layer: DecisionLayer
    private let columns: Columns
    private let rule: FrequencyGroups
    private let imageCount: Int
    private let folds: Int
    private let before: DetectionCounts
    private let after: DetectionCounts
    private let crossed: DetectionCounts?

    /// Fits calibration and thresholds on the detections of a model.
    /// - Parameters:
    ///   - layer: the model's; its labels' ids are the truth's categories.
    ///   - matches: of raw scores, without calibration.
    ///   - iou: from which overlap on a detection is right; one of the rules' thresholds.
    ///   - folds: 0 for no cross-fitted numbers.
    ///   - model: digest of the model file that the detections come from.
    /// - Throws: `unsupported` for another task; `notFound` for an IoU that was not matched at, a model without labels or with
    ///   one that the truth does not know.
    public init(
        _ layer: DecisionLayer, on matches: DetectionMatches, _ truth: DetectionTruth, options: CalibrationOptions,
        iou: Double = 0.5, folds: Int = 0, fittedOn: String? = nil, model: String? = nil
    ) throws(LTError) {
        guard layer.task?.isDetection == true else {
            throw LTError(.unsupported, "task \(layer.task?.rawValue ?? "unknown"), expected detection or segmentation")
        }
        guard let threshold = matches.rules.iouThresholds.firstIndex(where: { abs($0 - iou) < 1e-9 }) else {
            throw LTError(
                .notFound,
                "IoU \(iou), matched at \(matches.rules.iouThresholds.map { "\($0)" }.joined(separator: ", "))")
        }
        guard let labels = layer.labels else {
            throw LTError(
                .notFound, "the model does not name its classes (lt.labels)", hint: "give --labels to lt-infer")
        }
        let known = Dictionary(
            truth.categories.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
        var positions: [Int] = []
        for label in labels {
            guard let position = known[label.id] else {
                throw LTError(.notFound, "no category of id \(label.id) ('\(label.name)') in the ground truth")
            }
            positions.append(position)
        }
        // Groups by the model's training counts, else by the truth's.
        var grouped = layer
        let counts = positions.map { truth.categories[$0].imageCount ?? 0 }
        if grouped.trainCounts == nil, counts.allSatisfy({ $0 > 0 }) { grouped.trainCounts = counts }
        rule = layer.groups ?? .lvis
        columns = try Columns(rule, grouped.trainCounts, classCount: labels.count)
        let shrinkage = grouped.shrinkage(options, classCount: labels.count)
        func events(_ isIn: (Int) -> Bool) -> [BinaryEvents] {
            let all = matches.events(threshold: threshold, images: isIn)
            return positions.map { all[$0] }
        }
        let all = events { _ in true }
        var fitted = try layer.fitted(on: all, options, shrinkage, intervals: true)
        before = DetectionCounts(all, try DetectionDecider(layer.withoutFit))
        after = DetectionCounts(all, try DetectionDecider(fitted))
        var crossed: DetectionCounts?
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
                let others = try layer.fitted(
                    on: events { split.fold[$0] != number }, options, shrinkage, intervals: false)
                let part = DetectionCounts(events { split.fold[$0] == number }, try DetectionDecider(others))
                crossed = crossed.map { $0 + part } ?? part
            }
        }
        let everything = Array(labels.indices)
        fitted.calibration?.fittedOn = fittedOn
        fitted.calibration?.model = model
        fitted.calibration?.eceBefore = before.ece(everything)
        fitted.calibration?.eceAfter = after.ece(everything)
        fitted.calibration?.eceCrossFitted = crossed?.ece(everything)
        fitted.thresholds?.fittedOn = fittedOn
        try fitted.validate()
        self.layer = fitted
        self.crossed = crossed
        self.folds = folds
        imageCount = matches.imageCount
    }

    /// What the fit reaches: calibration errors, and F1 at the thresholds.
    public func report(provenance: [ReportJSON.Member] = []) -> Report {
        var sections: [Report.Section] = []
        var headlines: [Report.Headline] = []
        func add(_ counts: DetectionCounts?, _ name: String, _ title: String, _ words: String, decisions: Bool) {
            guard let counts else { return }
            func row(_ name: String, _ title: String, _ value: ([Int]) -> Double?) -> Report.Row {
                Report.Row(name: name, title: title, values: columns.classes.map { $0.isEmpty ? nil : value($0) })
            }
            var rows = [
                row("ECE", "ECE, 10 bins, all detections") { counts.ece($0) },
                row("ECE_classwise", "ECE, mean over classes") { mean($0.map { counts.bins[$0].ece }) },
            ]
            headlines.append(.init(path: ["ECE", name], title: "ECE \(words)", section: name, row: "ECE"))
            if decisions {
                func pooled(_ members: [Int]) -> DecisionCounts {
                    members.reduce(into: DecisionCounts()) { $0 += counts.decisions[$1] }
                }
                rows += [
                    row("F1_micro", "F1 micro at thresholds") { pooled($0).f1 },
                    row("F1_macro", "F1 macro at thresholds") {
                        mean($0.map { counts.decisions[$0].positives == 0 ? nil : counts.decisions[$0].f1 })
                    },
                    row("precision", "precision at thresholds") { pooled($0).precision },
                    row("recall", "recall at thresholds") { pooled($0).recall },
                ]
                headlines += ["micro", "macro"].map {
                    .init(path: ["F1", name, $0], title: "F1 \($0), \(words)", section: name, row: "F1_\($0)")
                }
            }
            sections.append(.init(name: name, title: title, rows: rows))
        }
        let decides = layer.thresholds != nil
        add(before, "before", "scores before calibration", "before calibration", decisions: false)
        add(after, "after", "scores after calibration", "after calibration", decisions: decides)
        add(crossed, "cross_fitted", "scores after calibration, cross-fitted", "cross-fitted", decisions: decides)
        var notes = columns.notes
        notes.append("calibration and thresholds were fitted on these very detections: 'after' is optimistic")
        if crossed != nil { notes.append(Report.crossFittedNote(folds)) }
        if let thresholds = layer.thresholds, let unmet = thresholds.unmet?.count {
            notes.append(
                "\(unmet) classes have no threshold that meets \(thresholds.objective): they have the one nearest to it"
            )
        }
        let classes = after.decisions.indices.map { index in
            ReportJSON.object(
                Report.classMembers(index, layer, rule) + [
                    .init("positives", .int(after.decisions[index].positives)),
                    .init("threshold", layer.thresholds?.values[index].map { .decimal($0) } ?? .null),
                    .init("F1_at_threshold", decides ? .number(after.decisions[index].f1) : .null),
                    .init("ECE_before", .optional(before.bins[index].ece)),
                    .init("ECE_after", .optional(after.bins[index].ece)),
                ])
        }
        return Report(
            task: "detection", images: imageCount, columns: columns.names, columnClasses: columns.classes.map(\.count),
            groupRule: rule.rule, headlines: headlines, sections: sections, classes: classes, notes: notes,
            provenance: provenance)
    }
}

extension DecisionLayer {
    /// The parameters alone.
    fileprivate func fitted(
        on events: [BinaryEvents], _ options: CalibrationOptions, _ shrinkage: Shrinkage, intervals: Bool
    ) throws(LTError) -> DecisionLayer {
        var layer = withoutFit
        let odds = events.map { $0.mapping { Calibration.Method.logOdds($0) } }
        layer.calibration = Calibration(try .fit(odds, options.method, shrinkage), shrinkage: shrinkage.positives)
        let decider = try DetectionDecider(layer)
        let calibrated = events.enumerated().map { index, own in own.mapping { decider.calibrated($0, index) } }
        layer.thresholds = Thresholds.fit(calibrated, options.thresholds, shrinkage, intervals: intervals)
        return layer
    }
}
