// The report of a detection evaluation: the protocol's own numbers at the top, each also for the categories of every
// frequency group, and the numbers of every category.

import LTCore

/// Ground truth, results and rules, evaluated.
public struct DetectionEvaluation: Sendable {
    public let truth: DetectionTruth
    public let results: DetectionResults
    public let matches: DetectionMatches
    public let summary: DetectionSummary

    private let threads: Int

    /// - Throws: `invalidArgument` for impossible rules.
    public init(
        _ results: DetectionResults, _ truth: DetectionTruth, rules: DetectionProtocol,
        threads: Int = Parallel.processorCount
    ) throws(LTError) {
        (self.truth, self.results, self.threads) = (truth, results, threads)
        matches = try DetectionMatches(truth, results, rules: rules, threads: threads)
        summary = try DetectionSummary(matches, truth, threads: threads)
    }

    private var rules: DetectionProtocol { matches.rules }

    /// Columns of the report: the frequency groups of a federated protocol, then all categories.
    private var columns: Columns {
        let groups = rules.isFederated ? ["r", "c", "f"] : []
        return Columns(
            groups: groups.map { name in
                (name, truth.categories.indices.filter { truth.categories[$0].frequency == name })
            }, classCount: truth.categories.count)
    }

    /// The report.
    /// - Parameters:
    ///   - provenance: where truth and results come from.
    ///   - figures: whether to draw curves, reliability and counts over thresholds too.
    public func report(provenance: [ReportJSON.Member] = [], figures: Bool = false) throws(LTError) -> Report {
        let columns = columns
        // The reference prints -1 for what is undefined, and no percent.
        let undefined: Double? = rules.isStrict ? -1 : nil
        let rows = summary.list.map { item in
            Report.Row(
                name: item.name, title: item.title, isShare: !rules.isStrict,
                values: columns.classes.map { summary.value(item, categories: $0) ?? undefined })
        }
        var headlines = rows.map {
            Report.Headline(path: [$0.name], title: $0.title, section: "detection", row: $0.name, column: "total")
        }
        // APr, APc, APf stand behind the APs, as the reference lists them.
        let place = rows.firstIndex { $0.name.hasPrefix("AR") } ?? rows.endIndex
        headlines.insert(
            contentsOf: columns.names.dropLast().map {
                Report.Headline(path: ["AP\($0)"], title: "AP", section: "detection", row: "AP", column: $0)
            }, at: place)
        var report = Report(
            task: "detection", images: truth.images.count, columns: columns.names,
            columnClasses: columns.classes.map(\.count), groupRule: rules.isFederated ? "lvis" : "none",
            headlines: headlines,
            sections: [
                Report.Section(name: "detection", title: "\(rules.name) average precision and recall", rows: rows)
            ],
            classes: truth.categories.indices.map { classMembers($0, undefined) }, notes: notes,
            provenance: provenance + settings)
        if figures {
            let curves = try DetectionCurves(matches, threads: threads)
            report.addFigures(matches, curves, truth, results, columns: columns)
        }
        return report
    }

    private func classMembers(_ category: Int, _ undefined: Double?) -> ReportJSON {
        let known = truth.categories[category]
        var members: [ReportJSON.Member] = [
            .init("index", .int(category)), .init("id", .int(known.id)), .init("name", .string(known.name)),
        ]
        if let count = known.imageCount { members.append(.init("train_count", .int(count))) }
        if let group = known.frequency { members.append(.init("group", .string(group))) }
        members += [
            .init("positives", .int(matches.positives(ofCategory: category))),
            .init("detections", .int(matches.range(ofCategory: category).count)),
        ]
        for item in summary.list where ["AP", "AP50", "AP75"].contains(item.name) {
            members.append(.init(item.name, .optional(summary.value(item, categories: [category]) ?? undefined)))
        }
        members.append(.init("AR", .optional(summary.averageRecall(categories: [category]) ?? undefined)))
        return .object(members)
    }

    private var notes: [String] {
        var notes = truth.notes + results.notes
        if results.count == 0 {
            notes.append(
                "there are no detections: AP is 0 for every category with objects (lvis-api refuses an empty list)")
        }
        if truth.ids.contains(0), !rules.isStrict {
            notes.append(
                "an annotation has id 0: lvis-api and COCO's API take what finds it for false, here it counts "
                    + "(--strict-reference reproduces that)")
        }
        if rules.isStrict { notes.append("strict: the reference's oddities are reproduced, undefined numbers are -1") }
        let empty = truth.categories.indices.count { matches.positives(ofCategory: $0) == 0 }
        if empty > 0 { notes.append("\(empty) categories have no objects to find: they are left out of all means") }
        return notes
    }

    private var settings: [ReportJSON.Member] {
        let cap: ReportJSON =
            switch rules.cap {
            case .unlimited: .string("unlimited")
            case .perImage(let limit): .string("\(limit) per image")
            case .perCategory(let limit): .string("\(limit) per category")
            case .perPair(let limits): .string("\(limits.last ?? 0) per image and category")
            }
        return [
            .init("protocol", .string(rules.name)), .init("strict_reference", .bool(rules.isStrict)),
            .init("iou_thresholds", .array(rules.iouThresholds.map { .number($0) })), .init("max_dets", cap),
            .init("annotations", .int(truth.count)), .init("detections", .int(results.count)),
            .init("detections_evaluated", .int(matches.count)),
        ]
    }
}
