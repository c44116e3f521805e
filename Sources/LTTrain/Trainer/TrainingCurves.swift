// TrainingCurves: the course of a run as figures for the report's page: loss, learning rate, validation by split and by
// frequency group; a line marks the best epoch.

import Foundation
import LTCore
import LTDecision
import LTEval

struct TrainingCurves {
    var steps: [RunLog.Step]
    var epochs: [RunLog.Epoch]
    var iterationsPerEpoch: Int
    var metrics: [EpochMetrics.Entry]
    var groups: [String]
    /// The split and metric by which the best epoch was chosen.
    var selection: ModelSelection?
    var best: Trainer.Best?

    /// Drawn points of a curve at most.
    private static let points = 400

    var figures: [Report.Figure] {
        [lossFigure, rateFigure].compactMap { $0 } + metricFigures
    }

    private func epoch(_ iteration: Double) -> Double { iteration / Double(max(1, iterationsPerEpoch)) }

    /// Means of runs of consecutive steps, at their middles.
    private func means(_ value: (RunLog.Step) -> Double) -> (x: [Double], y: [Double]) {
        let width = max(1, (steps.count + Self.points - 1) / Self.points)
        var (x, y): ([Double], [Double]) = ([], [])
        for start in stride(from: 0, to: steps.count, by: width) {
            let part = steps[start..<min(start + width, steps.count)]
            let values = part.map(value).filter(\.isFinite)
            guard !values.isEmpty, let first = part.first, let last = part.last else { continue }
            x.append(epoch(Double(first.iteration + last.iteration + 1) / 2))
            y.append(values.reduce(0, +) / Double(values.count))
        }
        return (x, y)
    }

    private var lossFigure: Report.Figure? {
        let loss = means(\.loss)
        guard !loss.x.isEmpty else { return nil }
        let known = epochs.filter { $0.loss != nil }
        var series = [Report.Figure.Series("steps", group: "steps", x: loss.x, y: loss.y)]
        if known.count > 1 {
            series.append(
                .init(
                    "mean of the epoch", group: "total", x: known.map { Double($0.epoch) - 0.5 },
                    y: known.compactMap(\.loss)))
        }
        let width = max(1, (steps.count + Self.points - 1) / Self.points)
        return marked(
            Report.Figure(
                name: "training_loss", title: "Training loss", kind: .lines, x: .init("epoch"), y: .init("loss"),
                series: series, caption: width == 1 ? "" : "Each point of the steps is the mean of \(width)."))
    }

    private var rateFigure: Report.Figure? {
        let rate = means(\.rate)
        guard !rate.x.isEmpty else { return nil }
        return Report.Figure(
            name: "learning_rate", title: "Learning rate", kind: .lines, x: .init("epoch"), y: .init("learning rate"),
            series: [.init("learning rate", x: rate.x, y: rate.y)])
    }

    /// A figure per shown metric: one split with its groups, several splits without them.
    private var metricFigures: [Report.Figure] {
        var splits: [String] = []
        for name in epochs.flatMap(\.validation.keys).sorted() where !splits.contains(name) { splits.append(name) }
        func series(_ split: String, _ metric: String, _ name: String, group: String?) -> Report.Figure.Series? {
            let points = epochs.compactMap { record in
                record.validation[split]?[metric].map { (Double(record.epoch), $0) }
            }
            return points.isEmpty ? nil : .init(name, group: group, x: points.map(\.0), y: points.map(\.1))
        }
        var figures: [Report.Figure] = []
        for entry in metrics where entry.isShown {
            let title = entry.name.split(separator: "_").joined(separator: " ")
            for split in splits {
                let groups = entry.isGrouped ? groups : []
                let curves =
                    groups.compactMap { series(split, "\(entry.name)/\($0)", $0, group: $0) }
                    + [series(split, entry.name, "total", group: "total")].compactMap { $0 }
                guard !curves.isEmpty else { continue }
                let figure = Report.Figure(
                    name: "validation_\(split)_\(entry.name)", title: "\(title) on \(split)", kind: .lines,
                    x: .init("epoch"), y: .init(title, isShare: true), series: curves)
                figures.append(selection?.split == split ? marked(figure) : figure)
            }
        }
        return figures
    }

    private func marked(_ figure: Report.Figure) -> Report.Figure {
        guard let best, let selection else { return figure }
        var figure = figure
        figure.marker = Double(best.epoch)
        let note = "The vertical line is epoch \(best.epoch), the best by \(selection.metric) on \(selection.split)."
        figure.caption = figure.caption.isEmpty ? note : "\(figure.caption) \(note)"
        return figure
    }
}

extension Trainer {
    /// Writes report.html: the course of the run and the reports of its splits.
    /// - Throws: `io`.
    public func writePage(_ reports: [(name: String, report: Report)], to path: String) throws(LTError) {
        let curves = TrainingCurves(
            steps: try log.steps(), epochs: try log.epochs(), iterationsPerEpoch: length.iterationsPerEpoch,
            metrics: task.metrics, groups: recipe.groups.groups.map(\.name),
            selection: selection, best: best)
        var runs = reports.map { HTMLPage.Run(name: $0.name, report: $0.report.json) }
        if runs.isEmpty { runs = [HTMLPage.Run(name: task.lossName, report: task.trainingReport(provenance).json)] }
        let text = reports.map { "\($0.name):\n\($0.report.text)" }.joined(separator: "\n\n")
        var page = try HTMLPage(runs, text: text)
        page.program = "lt-train"
        page.training = (name: options.out, figures: curves.figures)
        try page.write(path)
    }
}

extension Report {
    /// What is known of a run without validation splits: its classes.
    static func ofTraining(
        task: String, images: Int, _ counts: ClassCounts, _ labels: [DecisionLayer.Label], _ groups: FrequencyGroups,
        _ provenance: [ReportJSON.Member]
    ) -> Report {
        let columns = groups.members(counts.images)
        return Report(
            task: task, images: images, columns: columns.map(\.name) + ["total"],
            columnClasses: columns.map(\.classes.count) + [counts.count], groupRule: groups.rule, headlines: [],
            sections: [],
            classes: zip(labels, counts.images).map { label, count in
                .object([
                    .init("id", .int(label.id)), .init("name", .string(label.name)), .init("train_count", .int(count)),
                    .init("group", groups.name(ofCount: count).map { .string($0) } ?? .null),
                ])
            },
            notes: ["nothing was measured: the recipe has no `validate` section"], provenance: provenance)
    }
}
