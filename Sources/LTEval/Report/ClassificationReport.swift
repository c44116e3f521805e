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
    /// - Throws: what `Decider` throws, `invalidArgument` for a training count below 1.
    public static func multilabel(
        _ predictions: MultilabelPredictions, layer: DecisionLayer, provenance: [JSONValue.Member] = [],
        figures: Bool = false, images: [String]? = nil
    ) throws(LTError) -> Report {
        var plain = layer
        plain.task = layer.task ?? .multilabel
        let decider = try Decider(plain, classCount: predictions.classCount)
        plain.calibration = nil
        plain.thresholds = nil
        let before = try predictions.replacing(
            scores: Decider(plain, classCount: predictions.classCount).scores(predictions.scores))
        let after = try predictions.replacing(scores: decider.scores(predictions.scores))
        let rule = layer.groups ?? .db
        let columns = try Columns(rule, layer.trainCounts, classCount: predictions.classCount)

        // The logit decides strictly above 0, as in the reference; scores that come activated decide above 0.5.
        let cut: Float = layer.activation == DecisionLayer.Activation.none ? 0.5 : 0
        let atHalf = predictions.decisions { $1 > cut }
        var sections = [
            columns.section("ranking", "ranking of raw scores", MetricTable.multilabelRanking, predictions) {
                $0.selecting(classes: $1)
            },
            columns.section("at_0.5", "decisions at score 0.5, uncalibrated", MetricTable.multilabelDecisions, atHalf) {
                $0.selecting(classes: $1)
            },
        ]
        var headlines = [
            Headline(path: ["mAP"], title: "mAP", section: "ranking", row: "mAP"),
            Headline(path: ["F1", "at_0.5", "micro"], title: "F1 micro, at 0.5", section: "at_0.5", row: "F1_micro"),
            Headline(path: ["F1", "at_0.5", "macro"], title: "F1 macro, at 0.5", section: "at_0.5", row: "F1_macro"),
        ]
        if layer.calibration != nil {
            sections.append(
                columns.section(
                    "at_0.5_calibrated", "decisions at calibrated score 0.5", MetricTable.multilabelDecisions,
                    after.decisions { $1 >= 0.5 }
                ) { $0.selecting(classes: $1) })
        }
        var atThresholds: MultilabelDecisions?
        if layer.thresholds != nil {
            let positives = after.decisions(rows: decider.positives)
            atThresholds = positives
            sections.append(
                columns.section(
                    "at_thresholds", "decisions at fitted thresholds", MetricTable.multilabelDecisions, positives
                ) { $0.selecting(classes: $1) })
            for average in ["micro", "macro"] {
                headlines.append(
                    Headline(
                        path: ["F1", "at_thresholds", average], title: "F1 \(average), at fitted thresholds",
                        section: "at_thresholds", row: "F1_\(average)"))
            }
        }
        sections.append(
            columns.section("before", "scores before calibration", MetricTable.multilabelCalibration, before) {
                $0.selecting(classes: $1)
            })
        headlines.append(
            Headline(path: ["ECE", "before"], title: "ECE before calibration", section: "before", row: "ECE"))
        if layer.calibration != nil {
            sections.append(
                columns.section("after", "scores after calibration", MetricTable.multilabelCalibration, after) {
                    $0.selecting(classes: $1)
                })
            headlines.append(
                Headline(path: ["ECE", "after"], title: "ECE after calibration", section: "after", row: "ECE"))
        }
        let perClass = multilabelClasses(
            predictions, before: before, after: after, atHalf: atHalf, atThresholds: atThresholds, layer: layer,
            rule: rule)
        var report = Report(
            task: "multilabel", images: predictions.rowCount, columns: columns.names,
            columnClasses: columns.classes.map(\.count), groupRule: rule.rule, headlines: headlines, sections: sections,
            classes: perClass, notes: multilabelNotes(predictions, layer: layer),
            provenance: provenance + [.init("evaluated_on", .string(predictions.digest))])
        if figures {
            report.addFigures(
                before: before, after: layer.calibration == nil ? nil : after, columns: columns, images: images)
        }
        return report
    }

    /// Evaluates multi-class predictions.
    /// - Parameters: those of `multilabel`.
    /// - Throws: `invalidArgument` for a training count below 1, `shapeMismatch`.
    public static func multiclass(
        _ predictions: MulticlassPredictions, layer: DecisionLayer, provenance: [JSONValue.Member] = [],
        figures: Bool = false, images: [String]? = nil
    ) throws(LTError) -> Report {
        try layer.validate()
        let rule = layer.groups ?? .imageNetLT
        let columns = try Columns(rule, layer.trainCounts, classCount: predictions.classCount)
        let accuracy = Row(
            name: "accuracy", title: "accuracy, mean over classes", isShare: true,
            values: columns.classes.map { predictions.accuracy(ofClasses: $0) })
        // Metrics over all images have a value for the total only.
        func section(_ name: String, _ title: String, _ input: MulticlassPredictions) -> Section {
            Section(
                name: name, title: title,
                rows: MetricTable.multiclass.map { metric in
                    Row(
                        name: metric.name, title: metric.title, isShare: metric.isShare,
                        values: [Double?](repeating: nil, count: columns.names.count - 1) + [metric.value(input)])
                })
        }
        var sections = [
            Section(name: "classes", title: "accuracy by frequency group", rows: [accuracy]),
            section("before", "raw scores", predictions),
        ]
        var headlines = [
            Headline(path: ["accuracy"], title: "accuracy, mean over classes", section: "classes", row: "accuracy"),
            Headline(path: ["top1"], title: "top-1 accuracy", section: "before", row: "top1"),
            Headline(path: ["top5"], title: "top-5 accuracy", section: "before", row: "top5"),
            Headline(path: ["F1"], title: "F1 macro", section: "before", row: "F1_macro"),
            Headline(path: ["ECE", "before"], title: "ECE before calibration", section: "before", row: "ECE"),
        ]
        var shown = predictions
        if case .temperature(let temperature)? = layer.calibration?.method, temperature.count == 1 {
            let scaled = try MulticlassPredictions(
                logits: predictions.logits.map { $0 / temperature[0] }, labels: predictions.labels,
                classCount: predictions.classCount)
            shown = scaled
            sections.append(section("after", "scores after calibration", scaled))
            headlines.append(
                Headline(path: ["ECE", "after"], title: "ECE after calibration", section: "after", row: "ECE"))
        }
        let own = predictions.classAccuracy
        let counts = predictions.classCounts
        let perClass = (0..<predictions.classCount).map { index in
            JSONValue.object(
                classMembers(index, layer, rule) + [
                    .init("images", .int(counts[index].positives)), .init("accuracy", .optional(own[index])),
                    .init("precision", .number(counts[index].precision)), .init("F1", .number(counts[index].f1)),
                ])
        }
        var notes: [String] = []
        let absent = own.count { $0 == nil }
        if absent > 0 { notes.append("\(absent) classes have no image here: they are left out of means over classes") }
        if layer.calibration?.fittedOn == predictions.digest {
            notes.append("the calibration was fitted on these very predictions: ECE after calibration is optimistic")
        }
        var report = Report(
            task: "multiclass", images: predictions.rowCount, columns: columns.names,
            columnClasses: columns.classes.map(\.count), groupRule: rule.rule, headlines: headlines, sections: sections,
            classes: perClass, notes: notes,
            provenance: provenance + [.init("evaluated_on", .string(predictions.digest))])
        if figures { report.addFigures(shown, columns: columns, images: images) }
        return report
    }

    static func classMembers(_ index: Int, _ layer: DecisionLayer, _ rule: FrequencyGroups) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = [.init("index", .int(index))]
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
        _ predictions: MultilabelPredictions, before: MultilabelPredictions, after: MultilabelPredictions,
        atHalf: MultilabelDecisions, atThresholds: MultilabelDecisions?, layer: DecisionLayer, rule: FrequencyGroups
    ) -> [JSONValue] {
        let average = predictions.classAveragePrecision
        let positives = predictions.positives
        let half = atHalf.classCounts
        let fitted = atThresholds?.classCounts
        return (0..<predictions.classCount).map { index in
            var members = classMembers(index, layer, rule)
            members += [
                .init("positives", .int(positives[index])), .init("AP", .number(average[index])),
                .init("F1_at_0.5", .number(half[index].f1)),
            ]
            if let fitted {
                let threshold = layer.thresholds?.values[index]
                members += [
                    .init("F1_at_threshold", .number(fitted[index].f1)),
                    .init("precision_at_threshold", .number(fitted[index].precision)),
                    .init("recall_at_threshold", .number(fitted[index].recall)),
                    .init("threshold", threshold.map { .decimal($0) } ?? .null),
                ]
            }
            members.append(.init("ECE_before", .optional(before.confidences(ofClass: index).ece())))
            if layer.calibration != nil {
                members.append(.init("ECE_after", .optional(after.confidences(ofClass: index).ece())))
            }
            return .object(members)
        }
    }

    private static func multilabelNotes(_ predictions: MultilabelPredictions, layer: DecisionLayer) -> [String] {
        var notes: [String] = []
        let absent = predictions.positives.count { $0 == 0 }
        if absent > 0 {
            notes.append(
                "\(absent) classes have no positive here: their AP and F1 count as 0 in the means (scikit-learn's rule)"
            )
        }
        if layer.trainCounts == nil { notes.append("no training counts: there are no frequency groups") }
        if let thresholds = layer.thresholds {
            let without = thresholds.values.count { $0 == nil }
            if without > 0 {
                notes.append("\(without) classes have no fitted threshold: they use \(Thresholds.fallback)")
            }
        } else {
            notes.append("no fitted thresholds: `lt-eval calibrate` makes a model with them, --model names it")
        }
        let fittedOn = [layer.calibration?.fittedOn, layer.thresholds?.fittedOn]
        if fittedOn.contains(predictions.digest) {
            notes.append(
                "calibration and thresholds were fitted on these very predictions: ECE after calibration and F1 at fitted "
                    + "thresholds are optimistic")
        }
        return notes
    }
}

/// The columns of a report: the classes of each frequency group, then all.
struct Columns {
    var names: [String]
    var classes: [[Int]]

    init(_ rule: FrequencyGroups, _ trainCounts: [Int]?, classCount: Int) throws(LTError) {
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
        }
        names.append("total")
        classes.append(Array(0..<classCount))
    }

    /// Every metric of a table, recomputed on the classes of each column; a column without classes has no values.
    func section<Input>(
        _ name: String, _ title: String, _ metrics: [Metric<Input>], _ input: Input, select: (Input, [Int]) -> Input
    ) -> Report.Section {
        let inputs = classes.map { $0.isEmpty ? nil : select(input, $0) }
        return Report.Section(
            name: name, title: title,
            rows: metrics.map { metric in
                Report.Row(
                    name: metric.name, title: metric.title, isShare: metric.isShare,
                    values: inputs.map { $0.flatMap(metric.value) })
            })
    }
}

extension JSONValue {
    /// A float32 by its own shortest decimals (0.1, not 0.10000000149011612).
    static func decimal(_ value: Float) -> JSONValue { .number(Double("\(value)") ?? Double(value)) }
}

extension MultilabelPredictions {
    /// Decisions made row by row.
    func decisions(rows decide: (ArraySlice<Float>) -> [Bool]) -> MultilabelDecisions {
        MultilabelDecisions(
            rowCount: rowCount, classCount: classCount,
            decisions: (0..<rowCount).flatMap { decide(scores[$0 * classCount..<($0 + 1) * classCount]) },
            labels: labels)
    }
}
