// ClassificationComparison: two classifiers, or one in two precisions, on the same images. Intervals are of the differences, by
// drawing images with replacement (as DetectionComparison); agreement says how much the outputs differ, whatever is right.

import LTCore
import LTDecision

/// What a second classifier gains over a first.
public struct ClassificationComparison: Sendable {
    /// One metric of both, by column.
    private struct Gain {
        var headline: Report.Headline
        var row: Report.Row
        var second: [Double?]
        /// [column][resample]: second − first.
        var resampled: [[Double?]]
    }

    private let report: Report
    private let gains: [Gain]
    private let agreement: [Report.Row]
    private let method: String
    public let level: Double

    /// Evaluates both.
    /// - Parameters:
    ///   - metrics: keys of the metrics to compare; nil for the headlines of the classification report.
    ///   - resamples: 2 … 100,000 bootstrap draws.
    /// - Throws: `conflict` where images, classes or labels of the two differ; what `ClassificationInput.report` throws.
    public init(
        _ first: ClassificationInput, _ second: ClassificationInput, metrics: Set<String>? = nil, resamples: Int = 200,
        seed: UInt64 = 0, level: Double = 0.95, threads: Int = Parallel.processorCount
    ) throws(LTError) {
        guard (2...DetectionBootstrap.maximumResamples).contains(resamples) else {
            throw LTError(
                .invalidArgument, "\(resamples) resamples, expected 2 … \(DetectionBootstrap.maximumResamples)")
        }
        try Self.requireSameTruth(first, second)
        self.level = level
        method = "bootstrap over images, \(resamples) resamples, seed \(seed)"
        agreement = try Self.agreement(first, second)
        var (first, second) = (first, second)
        first.metrics = metrics
        second.metrics = metrics
        let reports = (try first.report(digest: false), try second.report(digest: false))
        report = reports.0
        // Each headline's row where both have it: one may carry a calibration that the other has not.
        var found: [(headline: Report.Headline, row: Report.Row, second: [Double?])] = []
        for headline in reports.0.headlines {
            guard !found.contains(where: { $0.headline.section == headline.section && $0.row.name == headline.row }),
                let row = reports.0.row(headline.section, headline.row),
                let other = reports.1.row(headline.section, headline.row)
            else { continue }
            found.append((headline, row, other.values))
        }
        let kept = found
        let drawn = Column<[[Double?]]>(repeating: [], count: resamples)
        let names = Set(found.map(\.row.name))
        (first.metrics, second.metrics) = (names, names)
        let pair = (first, second)
        try Parallel.forEach(resamples, threads: threads) { (resample, _) throws(LTError) in
            let weights = DetectionBootstrap.weights(
                resample: resample, seed: seed, images: pair.0.predictions.rowCount)
            let rows = weights.enumerated().flatMap { [Int](repeating: $0.offset, count: Int($0.element)) }
            let both = (
                try pair.0.drawing(rows).report(digest: false), try pair.1.drawing(rows).report(digest: false)
            )
            drawn[resample] = kept.map { headline, row, _ in
                let values = [both.0, both.1].map { $0.row(headline.section, row.name)?.values ?? [] }
                return zip(values[0], values[1]).map { first, second in
                    guard let first, let second else { return nil }
                    return second - first
                }
            }
        }
        gains = kept.enumerated().map { index, found in
            Gain(
                headline: found.headline, row: found.row, second: found.second,
                resampled: found.row.values.indices.map { column in
                    (0..<resamples).map { column < drawn[$0][index].count ? drawn[$0][index][column] : nil }
                })
        }
    }

    /// The report: each metric of both, the difference and its interval, by frequency group; and how far outputs agree.
    /// - Parameter names: of the two.
    public func report(
        names: (first: String, second: String), provenance: [ReportJSON.Member] = []
    ) -> Report {
        var result = Report(
            task: "classification_comparison", images: report.images, columns: report.columns,
            columnClasses: report.columnClasses, groupRule: report.groupRule, headlines: [], sections: [], classes: [],
            notes: [], provenance: provenance)
        for gain in gains {
            let differences = zip(gain.row.values, gain.second).map { first, second -> Double? in
                guard let first, let second else { return nil }
                return second - first
            }
            let intervals = zip(differences, gain.resampled).map { difference, resampled in
                difference.flatMap { DetectionBootstrap.interval(resampled, around: $0, level: level) }
            }
            let section = gain.headline.path.joined(separator: "_")
            let share = gain.row.isShare
            result.sections.append(
                Report.Section(
                    name: section, title: gain.headline.title,
                    rows: [
                        Report.Row(name: "first", title: names.first, isShare: share, values: gain.row.values),
                        Report.Row(name: "second", title: names.second, isShare: share, values: gain.second),
                        Report.Row(
                            name: "difference", title: "difference", isShare: share, values: differences,
                            intervals: intervals),
                    ]))
            result.headlines += ["first", "second", "difference"].map { row in
                let words = row == "difference" ? "difference" : "of \(row == "first" ? names.first : names.second)"
                return Report.Headline(
                    path: [section, row], title: "\(gain.headline.title), \(words)", section: section, row: row)
            }
        }
        result.sections.append(
            Report.Section(name: "agreement", title: "how far the outputs agree", rows: agreement.map(padded)))
        result.headlines += agreement.map {
            Report.Headline(path: ["agreement", $0.name], title: $0.title, section: "agreement", row: $0.name)
        }
        result.resampling = Report.Resampling(level: level, method: method)
        return result
    }

    /// A row that has a value for the total only.
    private func padded(_ row: Report.Row) -> Report.Row {
        var row = row
        row.values = [Double?](repeating: nil, count: max(0, report.columns.count - 1)) + row.values
        return row
    }

    private static func requireSameTruth(
        _ first: ClassificationInput, _ second: ClassificationInput
    ) throws(LTError) {
        func differ(_ what: String) -> LTError {
            LTError(
                .conflict, "the two differ in \(what), expected predictions of the same images and classes",
                hint: "predict the same folder with both and name the same truth")
        }
        if let images = first.images, let others = second.images, images != others { throw differ("images") }
        switch (first.predictions, second.predictions) {
        case (.multilabel(let a), .multilabel(let b)):
            guard a.classCount == b.classCount else { throw differ("their number of classes") }
            guard a.labels == b.labels else { throw differ("labels") }
        case (.multiclass(let a), .multiclass(let b)):
            guard a.classCount == b.classCount else { throw differ("their number of classes") }
            guard a.labels == b.labels else { throw differ("labels") }
        default: throw differ("kind (multi-label and multi-class)")
        }
    }

    private static func agreement(
        _ first: ClassificationInput, _ second: ClassificationInput
    ) throws(LTError) -> [Report.Row] {
        let (raw, others) = (first.predictions.raw, second.predictions.raw)
        let classes = raw.count / max(1, first.predictions.rowCount)
        let deciders = (
            try Decider(first.layer, classCount: classes), try Decider(second.layer, classCount: classes)
        )
        let scores = (try deciders.0.scores(raw), try deciders.1.scores(others))
        func row(_ name: String, _ title: String, _ value: Double, isShare: Bool = false) -> Report.Row {
            Report.Row(name: name, title: title, isShare: isShare, values: [value])
        }
        let changed: Report.Row
        switch (first.predictions, second.predictions) {
        case (.multiclass(let a), .multiclass(let b)):
            let count = zip(a.predictions, b.predictions).count { $0 != $1 }
            changed = row(
                "changed", "images whose first class changed", Double(count) / Double(a.rowCount), isShare: true)
        default:
            var count = 0
            for start in stride(from: 0, to: raw.count, by: classes) {
                let range = start..<start + classes
                count += zip(deciders.0.positives(scores.0[range]), deciders.1.positives(scores.1[range])).count {
                    $0 != $1
                }
            }
            changed = row("changed", "decisions that changed", Double(count) / Double(raw.count), isShare: true)
        }
        func greatest(_ a: [Float], _ b: [Float]) -> Double {
            zip(a, b).reduce(0) { max($0, abs(Double($1.0) - Double($1.1))) }
        }
        return [
            changed,
            row("raw_difference", "greatest difference of a raw output", greatest(raw, others)),
            row("score_difference", "greatest difference of a score", greatest(scores.0, scores.1)),
        ]
    }
}

extension ClassificationInput.Predictions {
    public var rowCount: Int {
        switch self {
        case .multilabel(let predictions): predictions.rowCount
        case .multiclass(let predictions): predictions.rowCount
        }
    }

    /// Raw outputs [rows, classes].
    var raw: [Float] {
        switch self {
        case .multilabel(let predictions): predictions.scores
        case .multiclass(let predictions): predictions.logits
        }
    }
}

extension ClassificationInput {
    /// The same with these rows, each as often as it is named.
    func drawing(_ rows: [Int]) throws(LTError) -> ClassificationInput {
        func gathered<Element>(_ values: [Element], _ width: Int) -> [Element] {
            var result: [Element] = []
            result.reserveCapacity(rows.count * width)
            for row in rows { result += values[row * width..<(row + 1) * width] }
            return result
        }
        var drawn = self
        drawn.images = images.map { gathered($0, 1) }
        switch predictions {
        case .multilabel(let own):
            drawn.predictions = .multilabel(
                try MultilabelPredictions(
                    scores: gathered(own.scores, own.classCount), labels: gathered(own.labels, own.classCount),
                    classCount: own.classCount))
        case .multiclass(let own):
            drawn.predictions = .multiclass(
                try MulticlassPredictions(
                    logits: gathered(own.logits, own.classCount), labels: gathered(own.labels, 1),
                    classCount: own.classCount, openSet: openSet != nil))
        }
        return drawn
    }
}
