// What a detection report says beyond the protocol's numbers: confidence intervals, kinds of errors and their cost,
// calibration of the scores, one ranking over all categories; and the report of a comparison.

import LTCore

/// What to add to a detection report.
public struct DetectionAnalysis: Sendable, Equatable {
    /// Resamples for confidence intervals of AP; none by default.
    public var resamples: Int?
    public var seed: UInt64 = 0
    /// What intervals cover.
    public var level = 0.95
    /// Kinds of errors and what fixing each would gain.
    public var hasErrors = false
    /// Detection calibration error.
    public var hasCalibration = false

    public init(resamples: Int? = nil, seed: UInt64 = 0, hasErrors: Bool = false, hasCalibration: Bool = false) {
        (self.resamples, self.seed, self.hasErrors, self.hasCalibration) = (resamples, seed, hasErrors, hasCalibration)
    }

    /// Adds it.
    /// - Parameter report: of these matches; its columns are frequency groups and "total".
    /// - Throws: `invalidArgument` for impossible numbers; `malformed` for a mask that is none.
    public func add(
        to report: inout Report, _ matches: DetectionMatches, _ truth: DetectionTruth, _ results: DetectionResults,
        threads: Int = Parallel.processorCount
    ) throws(LTError) {
        let columns = report.columns.map { truth.categories(ofColumn: $0) }
        if let resamples {
            try report.add(
                DetectionBootstrap(matches, resamples: resamples, seed: seed, threads: threads), columns, level: level)
        }
        if case .perCategory = matches.rules.cap {
            report.add(columns.map { PooledPrecision(matches, categories: $0) })
        }
        if hasCalibration { report.add(DetectionReliability(matches), columns) }
        if hasErrors { report.add(try DetectionErrors(matches, truth, results, threads: threads), columns) }
    }
}

extension DetectionTruth {
    /// The categories of a frequency group; of any other column all.
    func categories(ofColumn name: String) -> [Int] {
        let own = categories.indices.filter { categories[$0].frequency == name }
        return own.isEmpty && !["r", "c", "f"].contains(name) ? Array(categories.indices) : own
    }
}

extension Report {
    /// Gives the row of AP its intervals.
    fileprivate mutating func add(_ bootstrap: DetectionBootstrap, _ columns: [[Int]], level: Double) {
        for section in sections.indices where sections[section].name == "detection" {
            for row in sections[section].rows.indices where sections[section].rows[row].name == "AP" {
                sections[section].rows[row].intervals = columns.map { bootstrap.interval(categories: $0, level: level) }
            }
        }
        resampling = bootstrap.resampling(level: level)
    }

    fileprivate mutating func add(_ pooled: [PooledPrecision]) {
        let rows = [
            Row(name: "AP", title: "AP-pool", values: pooled.map(\.averagePrecision)),
            Row(name: "AR", title: "AR-pool", values: pooled.map(\.averageRecall)),
        ]
        sections.append(Section(name: "pooled", title: "One ranking over all categories", rows: rows))
        headlines.append(Headline(path: ["AP-pool"], title: "AP-pool", section: "pooled", row: "AP"))
    }

    fileprivate mutating func add(_ reliability: DetectionReliability, _ columns: [[Int]]) {
        guard reliability.isDefined else {
            notes.append("scores are not all in 0 … 1: there is no calibration error")
            return
        }
        let rows = [
            Row(name: "D-ECE", title: "D-ECE", values: columns.map { reliability.pooled(categories: $0) }),
            Row(
                name: "D-ECE_classwise", title: "D-ECE, mean over categories",
                values: columns.map { reliability.classwise(categories: $0) }),
        ]
        sections.append(
            Section(name: "calibration", title: "Calibration, a match at IoU \(reliability.iou)", rows: rows))
        headlines.append(Headline(path: ["D-ECE"], title: "D-ECE", section: "calibration", row: "D-ECE"))
    }

    fileprivate mutating func add(_ errors: DetectionErrors, _ columns: [[Int]]) {
        let kinds = DetectionErrors.Kind.allCases
        sections.append(
            Section(
                name: "errors", title: "AP at IoU \(errors.foreground) that fixing each kind of error would gain",
                rows: kinds.map { kind in
                    Row(
                        name: kind.name, title: "lost to \(kind.title)",
                        values: columns.map { errors.gain(kind, categories: $0) })
                }))
        sections.append(
            Section(
                name: "error_counts", title: "Errors by kind",
                rows: kinds.map { kind in
                    Row(
                        name: kind.name, title: kind.title, isShare: false,
                        values: columns.map { Double(errors.count(kind, categories: $0)) })
                }))
        headlines += kinds.map {
            Headline(path: ["errors", $0.name], title: "lost to \($0.title)", section: "errors", row: $0.name)
        }
        let main = kinds.filter { $0 != .falsePositive && $0 != .falseNegative }
        figures.append(
            Figure(
                name: "errors", title: "What average precision is lost to", kind: .bars(labels: main.map(\.name)),
                x: Figure.Axis("kind of error"), y: Figure.Axis("AP gained by fixing it", isShare: true),
                series: zip(self.columns, columns).map { name, members in
                    Figure.Series(name, group: name, y: main.map { errors.gain($0, categories: members) ?? 0 })
                },
                caption: "At IoU \(errors.foreground): "
                    + main.map { "\($0.name): \($0.title)" }.joined(separator: ", ") + "."))
    }
}

extension DetectionBootstrap {
    fileprivate func resampling(level: Double) -> Report.Resampling {
        Report.Resampling(level: level, method: "bootstrap over images, \(resamples) resamples, seed \(seed)")
    }
}

extension DetectionComparison {
    /// The report: AP of both, the difference and its interval, by frequency group and by category.
    /// - Parameter names: of the two results.
    public func report(
        _ truth: DetectionTruth, names: (first: String, second: String), provenance: [ReportJSON.Member] = []
    ) -> Report {
        let columns = rules.isFederated ? ["r", "c", "f", "total"] : ["total"]
        let classes = columns.map { truth.categories(ofColumn: $0) }
        let differences = classes.map { averagePrecision(categories: $0) }
        let rows = [
            Report.Row(name: "first", title: "AP of \(names.first)", values: differences.map(\.first)),
            Report.Row(name: "second", title: "AP of \(names.second)", values: differences.map(\.second)),
            Report.Row(
                name: "difference", title: "difference", values: differences.map(\.gain),
                intervals: differences.map(\.interval)),
            Report.Row(name: "wins", title: "resamples in which the second wins", values: differences.map(\.wins)),
        ]
        let own = truth.categories.indices.map { averagePrecision(categories: [$0]) }
        var report = Report(
            task: "detection_comparison", images: truth.images.count, columns: columns,
            columnClasses: classes.map(\.count), groupRule: rules.isFederated ? "lvis" : "none",
            headlines: rows.map {
                Report.Headline(path: [$0.name], title: $0.title, section: "comparison", row: $0.name)
            },
            sections: [Report.Section(name: "comparison", title: "\(rules.name) average precision", rows: rows)],
            classes: zip(truth.categories.indices, own).map { Self.members($0, $1, truth) },
            notes: Self.notes(own, truth), provenance: provenance)
        report.resampling = bootstraps.first.resampling(level: level)
        if truth.categories.contains(where: { $0.imageCount != nil }) {
            var figure = Report.Figure.againstCount("difference", "Difference of AP")
            figure.y.range = nil
            report.figures.append(figure)
        }
        return report
    }

    private static func members(_ category: Int, _ own: Difference, _ truth: DetectionTruth) -> ReportJSON {
        let known = truth.categories[category]
        var members: [ReportJSON.Member] = [
            .init("index", .int(category)), .init("id", .int(known.id)), .init("name", .string(known.name)),
        ]
        if let count = known.imageCount { members.append(.init("train_count", .int(count))) }
        if let group = known.frequency { members.append(.init("group", .string(group))) }
        members += [
            .init("first", .optional(own.first)), .init("second", .optional(own.second)),
            .init("difference", .optional(own.gain)), .init("lower", .optional(own.interval?.lower)),
            .init("upper", .optional(own.interval?.upper)), .init("wins", .optional(own.wins)),
        ]
        return .object(members)
    }

    /// How many categories clearly differ, and the most.
    private static func notes(_ own: [Difference], _ truth: DetectionTruth) -> [String] {
        let clear = own.indices.filter { own[$0].isClear }
        let better = clear.filter { (own[$0].gain ?? 0) > 0 }
        var notes = [
            "of \(own.count { $0.gain != nil }) categories the second is clearly better in \(better.count) "
                + "and worse in \(clear.count - better.count) (the interval leaves 0 out; with so many categories some do by chance)"
        ]
        let sorted = clear.sorted { (abs(own[$0].gain ?? 0), $1) > (abs(own[$1].gain ?? 0), $0) }
        if !sorted.isEmpty {
            let most = sorted.prefix(5).map { category in
                let gain = own[category].gain ?? 0
                return "\(truth.categories[category].name) \(gain > 0 ? "+" : "")\(Report.cell(gain, isShare: true))"
            }
            notes.append("most: " + most.joined(separator: ", "))
        }
        return notes
    }
}
