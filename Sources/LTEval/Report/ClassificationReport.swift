// The classification reports: which metrics, on which columns, at which decisions.

import LTCore
import LTDecision

extension Report {
    /// Evaluates multi-label predictions.
    /// - Parameters:
    ///   - predictions: raw scores and labels.
    ///   - layer: what the model says of its outputs: activation (needed), training counts and groups (columns), labels,
    ///     calibration and thresholds (the rows "after" and "at thresholds" appear with them).
    ///   - provenance: where the predictions come from.
    ///   - figures: also makes figures, threshold curves and mistakes.
    ///   - images: names of the rows, for the mistakes.
    ///   - metrics: names of the only metrics to compute; `nil` for all. What is said of single classes is then AP alone.
    ///   - digest: whether the provenance names scores and labels by their digest, which takes a while on large ones.
    /// - Throws: what `Decider` throws, `invalidArgument` for a training count below 1, `notFound` for an unknown metric.
    public static func multilabel(
        _ predictions: MultilabelPredictions, layer: DecisionLayer, provenance: [ReportJSON.Member] = [],
        figures: Bool = false, images: [String]? = nil, metrics: Set<String>? = nil, digest wantsDigest: Bool = true
    ) throws(LTError) -> Report {
        var layer = layer
        layer.task = layer.task ?? .multilabel
        let rule = layer.groups ?? .db
        let columns = try Columns(rule, layer.trainCounts, classCount: predictions.classCount)
        let tables = try MultilabelTables(metrics)
        let isFitted = layer.calibration?.fittedOn != nil || layer.thresholds?.fittedOn != nil
        let hash = wantsDigest || isFitted ? Background { predictions.digest } : nil
        let sums =
            figures || tables.needSums ? try predictions.sums(layer, columns, figures: figures) : nil
        let (groups, total) = predictions.rankings(ofGroups: columns.groups, parts: tables.rankingParts)
        var sections: [Section] = []
        var headlines: [Headline] = []
        if !tables.ranking.isEmpty {
            sections.append(columns.section("ranking", "ranking of raw scores", tables.ranking, groups + [total]))
            headlines.append(Headline(path: ["mAP"], title: "mAP", section: "ranking", row: "mAP"))
        }
        func addDecisions(_ sums: DecisionSums?, _ name: String, _ title: String, headline: String? = nil) {
            guard let sums, !tables.decisions.isEmpty else { return }
            sections.append(columns.section(name, title, tables.decisions, sums.decisions(columns.groups)))
            guard let headline else { return }
            headlines += ["micro", "macro"].map {
                Headline(path: ["F1", name, $0], title: "F1 \($0), \(headline)", section: name, row: "F1_\($0)")
            }
        }
        func addCalibration(_ sums: CalibrationSums?, _ name: String, _ title: String) {
            guard let sums, !tables.calibration.isEmpty else { return }
            sections.append(columns.section(name, title, tables.calibration, sums.calibrations(columns.groups)))
            headlines.append(
                Headline(path: ["ECE", name], title: "ECE \(name) calibration", section: name, row: "ECE"))
        }
        addDecisions(sums?.atHalf, "at_0.5", "decisions at score 0.5, uncalibrated", headline: "at 0.5")
        addDecisions(sums?.atHalfCalibrated, "at_0.5_calibrated", "decisions at calibrated score 0.5")
        addDecisions(
            sums?.atThresholds, "at_thresholds", "decisions at fitted thresholds", headline: "at fitted thresholds")
        addCalibration(sums?.before, "before", "scores before calibration")
        addCalibration(sums?.after, "after", "scores after calibration")

        let digest = hash?.value
        var report = Report(
            task: "multilabel", images: predictions.rowCount, columns: columns.names,
            columnClasses: columns.classes.map(\.count), groupRule: rule.rule,
            headlines: shown(headlines, of: sections, naming: metrics), sections: sections,
            classes: multilabelClasses(total, sums, layer: layer, rule: rule),
            notes: columns.notes + multilabelNotes(total, sums, layer: layer, digest: digest),
            provenance: provenance + (digest.map { [.init("evaluated_on", .string($0))] } ?? []))
        if let sums, figures { report.addFigures(predictions, total, sums, columns: columns, images: images) }
        return report
    }

    /// The headlines whose rows there are, and one for each row that was asked for by name.
    private static func shown(
        _ headlines: [Headline], of sections: [Section], naming metrics: Set<String>?
    ) -> [Headline] {
        guard metrics != nil else { return headlines }
        var kept = headlines.filter { headline in
            sections.contains { $0.name == headline.section && $0.rows.contains { $0.name == headline.row } }
        }
        for section in sections {
            for row in section.rows where !kept.contains(where: { $0.section == section.name && $0.row == row.name }) {
                kept.append(
                    Headline(
                        path: [section.name, row.name], title: "\(row.title), \(section.title)", section: section.name,
                        row: row.name))
            }
        }
        return kept
    }

    /// Evaluates multi-class predictions.
    /// - Parameters:
    ///   - topK: further k of top-k accuracies, beside 1 and 5.
    ///   - openSet: images whose greatest probability is below are rejected; for labels that may be −1.
    ///   - figures, images, metrics, layer, provenance: as for `multilabel`.
    /// - Throws: `invalidArgument` for a training count below 1, `shapeMismatch`, `notFound` for an unknown metric.
    public static func multiclass(
        _ predictions: MulticlassPredictions, layer: DecisionLayer, provenance: [ReportJSON.Member] = [],
        topK: [Int] = [], openSet: Double? = nil, figures: Bool = false, images: [String]? = nil,
        metrics wanted: Set<String>? = nil, digest wantsDigest: Bool = true
    ) throws(LTError) -> Report {
        try layer.validate()
        var predictions = predictions
        predictions.areProbabilities = layer.activation == DecisionLayer.Activation.none
        let rule = layer.groups ?? .imageNetLT
        let columns = try Columns(rule, layer.trainCounts, classCount: predictions.classCount)
        let summary = predictions.summary()
        let calibrated = layer.calibration == nil ? nil : try predictions.calibrated(by: layer)
        let after = calibrated?.summary()
        let ks = Set(topK + [1, 5]).sorted()
        // Metrics over all images have a value for the total only.
        func section(
            _ name: String, _ title: String, _ metrics: [Metric<MulticlassSummary>], _ input: MulticlassSummary
        )
            -> Section
        {
            let none = [Double?](repeating: nil, count: columns.names.count - 1)
            return Section(
                name: name, title: title,
                rows: metrics.map { metric in
                    Row(
                        name: metric.name, title: metric.title, isShare: metric.isShare,
                        values: none + [metric.value(input)])
                })
        }
        var metrics = MetricTable.multiclass
        metrics.insert(contentsOf: ks.filter { $0 != 1 && $0 != 5 }.map { .top($0) }, at: 2)
        if let threshold = openSet {
            metrics.append(Metric("open_set_F", "open-set F-measure") { $0.openSetF(threshold: threshold) })
            metrics.append(Metric("open_set_rejected", "unknown images rejected") { $0.rejected(threshold: threshold) })
        }
        var sections = [
            Section(
                name: "classes", title: "by frequency group",
                rows: classMeans(summary, columns)
                    + ks.map { k in
                        Row(
                            name: "top\(k)", title: "top-\(k) accuracy, of the group's images", isShare: true,
                            values: columns.classes.map { summary.topK(k, ofClasses: $0) })
                    }),
            section("decisions", "all images", metrics, summary),
            section("before", "raw scores", MetricTable.multiclassCalibration, summary),
        ]
        var headlines = [
            Headline(path: ["accuracy"], title: "accuracy, mean over classes", section: "classes", row: "accuracy")
        ]
        headlines += ks.map {
            Headline(path: ["top\($0)"], title: "top-\($0) accuracy", section: "decisions", row: "top\($0)")
        }
        headlines.append(Headline(path: ["F1"], title: "F1 macro", section: "decisions", row: "F1_macro"))
        if openSet != nil {
            headlines.append(
                Headline(
                    path: ["open_set_F"], title: "open-set F-measure", section: "decisions", row: "open_set_F"))
        }
        headlines.append(
            Headline(path: ["ECE", "before"], title: "ECE before calibration", section: "before", row: "ECE"))
        if let after {
            sections.append(section("after", "scores after calibration", MetricTable.multiclassCalibration, after))
            headlines.append(
                Headline(path: ["ECE", "after"], title: "ECE after calibration", section: "after", row: "ECE"))
        }
        if let wanted {
            try requireKnown(wanted, sections.flatMap { $0.rows.map(\.name) })
            for index in sections.indices { sections[index].rows.removeAll { !wanted.contains($0.name) } }
            sections.removeAll { $0.rows.isEmpty }
        }
        let digest = wantsDigest || layer.calibration?.fittedOn != nil ? predictions.digest : nil
        var report = Report(
            task: "multiclass", images: predictions.rowCount, columns: columns.names,
            columnClasses: columns.classes.map(\.count), groupRule: rule.rule,
            headlines: shown(headlines, of: sections, naming: wanted), sections: sections,
            classes: multiclassClasses(summary, layer: layer, rule: rule),
            notes: columns.notes + multiclassNotes(predictions, summary, layer: layer, digest: digest),
            provenance: provenance + (digest.map { [.init("evaluated_on", .string($0))] } ?? []))
        if figures {
            report.addFigures(calibrated ?? predictions, after ?? summary, columns: columns, images: images)
        }
        return report
    }

    /// Means over the classes of each column.
    private static func classMeans(_ summary: MulticlassSummary, _ columns: Columns) -> [Row] {
        func row(_ name: String, _ title: String, _ value: (Int) -> Double?) -> Row {
            Row(name: name, title: title, values: columns.classes.map { mean($0.map(value)) })
        }
        let counts = summary.classCounts
        return [
            row("accuracy", "accuracy, mean over classes") { counts[$0].positives == 0 ? nil : counts[$0].recall },
            row("precision", "precision, mean over classes") { counts[$0].precision },
            row("F1", "F1, mean over classes") {
                counts[$0].positives + counts[$0].predicted == 0 ? nil : counts[$0].f1
            },
            row("ECE_classwise", "ECE, mean over classes") { summary.classBins[$0].ece },
            Row(
                name: "ECE_predicted", title: "ECE, images predicted as the group's", isShare: true,
                values: columns.classes.map { summary.ece(ofPredicted: $0) }),
        ]
    }

    private static func multiclassClasses(
        _ summary: MulticlassSummary, layer: DecisionLayer, rule: FrequencyGroups
    ) -> [ReportJSON] {
        var wrong = [[Confusion]](repeating: [], count: summary.classCounts.count)
        // Most frequent first, so the first of a class are its own most frequent.
        for pair in summary.confusions() where wrong[pair.actual].count < 3 { wrong[pair.actual].append(pair) }
        return summary.classCounts.enumerated().map { index, counts in
            .object(
                classMembers(index, layer, rule) + [
                    .init("images", .int(counts.positives)),
                    .init("accuracy", .optional(counts.positives == 0 ? nil : counts.recall)),
                    .init("precision", .number(counts.precision)), .init("F1", .number(counts.f1)),
                    .init("ECE", .optional(summary.classBins[index].ece)),
                    .init(
                        "taken_for",
                        .array(
                            wrong[index].map { pair in
                                var members: [ReportJSON.Member] = [.init("index", .int(pair.predicted))]
                                if let name = layer.labels?[pair.predicted].name {
                                    members.append(.init("name", .string(name)))
                                }
                                return .object(members + [.init("images", .int(pair.count))])
                            })),
                ])
        }
    }

    private static func multiclassNotes(
        _ predictions: MulticlassPredictions, _ summary: MulticlassSummary, layer: DecisionLayer, digest: String?
    ) -> [String] {
        var notes: [String] = []
        let absent = summary.classCounts.count { $0.positives == 0 }
        if absent > 0 { notes.append("\(absent) classes have no image here: they are left out of means over classes") }
        if !summary.unknown.isEmpty {
            notes.append(
                "\(summary.unknown.count) images are of no known class (label -1): only open_set metrics count them")
        }
        if layer.trainCounts == nil { notes.append("no training counts: there are no frequency groups") }
        if !predictions.areProbabilities, predictions.logits.allSatisfy({ $0 >= 0 && $0 <= 1 }) {
            notes.append(
                "all scores lie in 0…1 and went through a softmax: if they are probabilities already, "
                    + "ECE, NLL and Brier need --activation none")
        }
        if let digest, layer.calibration?.fittedOn == digest {
            notes.append("the calibration was fitted on these very predictions: ECE after calibration is optimistic")
        }
        return notes
    }

    static func classMembers(_ index: Int, _ layer: DecisionLayer, _ rule: FrequencyGroups) -> [ReportJSON.Member] {
        var members: [ReportJSON.Member] = [.init("index", .int(index))]
        if let label = layer.labels?[index] {
            members += [.init("id", .int(label.id)), .init("name", .string(label.name))]
        }
        if let count = layer.trainCounts?[index] {
            members += [
                .init("train_count", .int(count)),
                .init("group", rule.name(ofCount: count).map { .string($0) } ?? .null),
            ]
        }
        return members
    }

    private static func multilabelClasses(
        _ ranking: MultilabelRanking, _ sums: MultilabelSums?, layer: DecisionLayer, rule: FrequencyGroups
    ) -> [ReportJSON] {
        let half = sums?.atHalf.decisions([])[0].classCounts
        let fitted = sums?.atThresholds?.decisions([])[0].classCounts
        let before = sums?.before.calibrations([])[0].classes
        let after = sums?.after?.calibrations([])[0].classes
        return ranking.classes.enumerated().map { index, own in
            var members = classMembers(index, layer, rule)
            members += [
                .init("positives", .int(own.positives)), .init("AP", .number(own.averagePrecision)),
                .init("ROC_AUC", .optional(own.rocAUC)),
            ]
            if let half { members.append(.init("F1_at_0.5", .number(half[index].f1))) }
            if let fitted {
                let threshold = layer.thresholds?.values[index]
                members += [
                    .init("F1_at_threshold", .number(fitted[index].f1)),
                    .init("precision_at_threshold", .number(fitted[index].precision)),
                    .init("recall_at_threshold", .number(fitted[index].recall)),
                    .init("threshold", threshold.map { .decimal($0) } ?? .null),
                ]
            }
            if let before { members.append(.init("ECE_before", .optional(before[index].bins.ece))) }
            if let after { members.append(.init("ECE_after", .optional(after[index].bins.ece))) }
            return .object(members)
        }
    }

    private static func multilabelNotes(
        _ ranking: MultilabelRanking, _ sums: MultilabelSums?, layer: DecisionLayer, digest: String?
    ) -> [String] {
        var notes: [String] = []
        let absent = ranking.classes.count { $0.positives == 0 }
        if absent > 0 {
            notes.append(
                "\(absent) classes have no positive here: their AP and F1 count as 0 in the means (scikit-learn's rule)"
            )
        }
        if let sums, sums.lies01, layer.activation != DecisionLayer.Activation.none {
            notes.append(
                "all scores lie in 0…1 and were taken for logits: if they are probabilities already, decisions and ECE "
                    + "need --activation none")
        }
        if layer.trainCounts == nil { notes.append("no training counts: there are no frequency groups") }
        if let thresholds = layer.thresholds {
            let without = thresholds.values.count { $0 == nil }
            if without > 0 {
                notes.append("\(without) classes have no fitted threshold: they use \(Thresholds.fallback)")
            }
            if let unmet = thresholds.unmet?.count {
                notes.append(
                    "\(unmet) classes have no threshold that meets \(thresholds.objective): they have the one nearest to it"
                )
            }
        } else if sums != nil {
            notes.append("no fitted thresholds: `lt-eval calibrate` makes a model with them, --model names it")
        }
        let fittedOn = [layer.calibration?.fittedOn, layer.thresholds?.fittedOn]
        if let digest, fittedOn.contains(digest) {
            notes.append(
                "calibration and thresholds were fitted on these very predictions: ECE after calibration and F1 at fitted "
                    + "thresholds are optimistic")
        }
        return notes
    }
}

/// - Throws: `notFound` for a metric that is not among the known ones.
private func requireKnown(_ metrics: Set<String>, _ known: [String]) throws(LTError) {
    if let bad = metrics.sorted().first(where: { !known.contains($0) }) {
        var names: [String] = []
        for name in known where !names.contains(name) { names.append(name) }
        throw LTError(.notFound, "no metric '\(bad)', expected some of \(names.joined(separator: ", "))")
    }
}

/// The multi-label metrics that were asked for.
private struct MultilabelTables {
    var ranking = MetricTable.multilabelRanking
    var decisions = MetricTable.multilabelDecisions
    var calibration = MetricTable.multilabelCalibration

    init(_ wanted: Set<String>?) throws(LTError) {
        guard let wanted else { return }
        try requireKnown(wanted, ranking.map(\.name) + decisions.map(\.name) + calibration.map(\.name))
        ranking.removeAll { !wanted.contains($0.name) }
        decisions.removeAll { !wanted.contains($0.name) }
        calibration.removeAll { !wanted.contains($0.name) }
    }

    var needSums: Bool { !decisions.isEmpty || !calibration.isEmpty }

    var rankingParts: MultilabelRanking.Parts {
        var parts: MultilabelRanking.Parts = []
        for metric in ranking {
            switch metric.name {
            case Metric.mAPMicro.name: parts.insert(.pooled)
            case Metric.mAPSamples.name, Metric.labelRankingAP.name, Metric.rankingLoss.name, Metric.coverage.name:
                parts.insert(.images)
            default: break
            }
        }
        return parts
    }
}

/// The columns of a report: the classes of each frequency group, then all.
struct Columns {
    var names: [String]
    var classes: [[Int]]
    private var rule: FrequencyGroups?
    /// Classes in no group, and with exactly 100 training images.
    private var ungrouped = 0
    private var atHundred = 0

    /// Groups that the data names.
    init(groups: [(name: String, classes: [Int])], classCount: Int) {
        names = groups.map(\.name) + ["total"]
        classes = groups.map(\.classes) + [Array(0..<classCount)]
    }

    init(_ rule: FrequencyGroups, _ trainCounts: [Int]?, classCount: Int) throws(LTError) {
        self.rule = rule
        names = []
        classes = []
        if let trainCounts {
            guard trainCounts.count == classCount else {
                throw LTError(.shapeMismatch, "\(trainCounts.count) training counts for \(classCount) classes")
            }
            if let bad = trainCounts.firstIndex(where: { $0 < 1 }) {
                throw LTError(
                    .invalidArgument, "the training count of class \(bad) is \(trainCounts[bad]), expected at least 1")
            }
            for member in rule.members(trainCounts) {
                names.append(member.name)
                classes.append(member.classes)
            }
            ungrouped = classCount - classes.reduce(0) { $0 + $1.count }
            atHundred = trainCounts.count { $0 == 100 }
        }
        names.append("total")
        classes.append(Array(0..<classCount))
    }

    /// The columns before the total.
    var groups: [[Int]] { Array(classes.dropLast()) }

    /// What to know of the groups: where the rules that people compare with differ.
    var notes: [String] {
        guard let rule else { return [] }
        var notes: [String] = []
        if ungrouped > 0 { notes.append("\(ungrouped) classes are in no group of the rule '\(rule.rule)'") }
        if atHundred > 0, let name = rule.name(ofCount: 100) {
            notes.append(
                "\(atHundred) classes have exactly 100 training images: '\(name)' by the rule '\(rule.rule)'; others differ "
                    + "there (db: head, lvis: c, imagenet-lt: medium)")
        }
        return notes
    }

    /// Every metric of a table for each column; a column without classes has no values.
    /// - Parameter inputs: one per column.
    func section<Input>(
        _ name: String, _ title: String, _ metrics: [Metric<Input>], _ inputs: [Input]
    ) -> Report.Section {
        Report.Section(
            name: name, title: title,
            rows: metrics.map { metric in
                Report.Row(
                    name: metric.name, title: metric.title, isShare: metric.isShare,
                    values: zip(inputs, classes).map { $1.isEmpty ? nil : metric.value($0) })
            })
    }
}

extension ReportJSON {
    /// A float32 by its own shortest decimals (0.1, not 0.10000000149011612).
    static func decimal(_ value: Float) -> ReportJSON { .number(Double("\(value)") ?? Double(value)) }
}
