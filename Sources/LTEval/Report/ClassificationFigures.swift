// What classification reports show beside their tables: precision-recall curves, reliability, counts over thresholds and
// the worst mistakes, for multi-label and multi-class predictions. Made on request only: it costs as much as the metrics.

import LTCore

/// How many mistakes of each kind a report lists.
private let mistakeCount = 100

extension Report {
    /// Adds what multi-label predictions show.
    /// - Parameters:
    ///   - before: uncalibrated scores, 0…1.
    ///   - after: calibrated scores; `nil` where there is no calibration.
    ///   - images: a name per row; rows are numbered without.
    mutating func addFigures(
        before: MultilabelPredictions, after: MultilabelPredictions?, columns: Columns, images: [String]?
    ) {
        let scores = after ?? before
        let hasCounts = classes.contains { $0["train_count"] != nil }
        let f1 = classes.first?["F1_at_threshold"] == nil ? "F1_at_0.5" : "F1_at_threshold"
        if hasCounts {
            figures += [
                .againstCount("AP", "AP"),
                .againstCount(f1, f1 == "F1_at_0.5" ? "F1 at 0.5" : "F1 at fitted thresholds"),
            ]
        }
        let curves = (0..<before.classCount).map {
            InterpolatedPrecision(scores: before.scores(ofClass: $0), labels: before.labels(ofClass: $0))
        }
        figures.append(.precisionRecall(curves, columns))
        figures.append(
            .reliability("before", "Reliability before calibration", columns) { add in
                for (cell, score) in before.scores.enumerated() {
                    add(cell % before.classCount, Double(score), before.labels[cell])
                }
            })
        if let after {
            figures.append(
                .reliability("after", "Reliability after calibration", columns) { add in
                    for (cell, score) in after.scores.enumerated() {
                        add(cell % after.classCount, Double(score), after.labels[cell])
                    }
                })
        }
        figures.append(.distribution(of: "AP", classes.map { $0["AP"]?.double }, columns))
        thresholdCurves = ThresholdCurves(
            curves: (0..<scores.classCount).map {
                ThresholdCurves.curve(
                    scores: scores.scores(ofClass: $0).map { Double($0) }, hits: scores.labels(ofClass: $0))
            }, title: after == nil ? "scores" : "calibrated scores")
        addMistakes(scores, images)
    }

    private mutating func addMistakes(_ scores: MultilabelPredictions, _ images: [String]?) {
        var alarms = Worst()
        var missed = Worst()
        for (cell, score) in scores.scores.enumerated() {
            if scores.labels[cell] { missed.add(-score, cell) } else { alarms.add(score, cell) }
        }
        let width = scores.classCount
        func mistake(_ cell: Int, _ kind: String, _ why: String) -> Mistake {
            Mistake(
                image: imageName(cell / width, images), classIndex: cell % width,
                score: JSONValue.decimal(scores.scores[cell]).double ?? 0, kind: kind, why: why)
        }
        /// The classes that the image does have.
        func labels(_ row: Int) -> String {
            let own = (0..<width).filter { scores.labels[row * width + $0] }.map { className($0) }
            let shown = own.prefix(4).joined(separator: ", ") + (own.count > 4 ? " and \(own.count - 4) more" : "")
            return own.isEmpty ? "the image has no label" : "the image has \(shown)"
        }
        mistakes += alarms.cells.map { mistake($0, "false alarm", labels($0 / width)) }
        mistakes += missed.cells.map { mistake($0, "missed", "the image has it") }
    }

    /// Adds what multi-class predictions show.
    mutating func addFigures(_ predictions: MulticlassPredictions, columns: Columns, images: [String]?) {
        if classes.contains(where: { $0["train_count"] != nil }) {
            figures += [.againstCount("accuracy", "accuracy"), .againstCount("F1", "F1")]
        }
        let classCount = predictions.classCount
        let decided = predictions.predictions
        var probabilities = [Float]()
        probabilities.reserveCapacity(predictions.logits.count)
        var sure: [Double] = []
        for row in 0..<predictions.rowCount {
            let own = predictions.probabilities(ofRow: row)
            probabilities += own.lazy.map { Float($0) }
            sure.append(own[decided[row]])
        }
        func scores(_ index: Int) -> [Float] {
            (0..<predictions.rowCount).map { probabilities[$0 * classCount + index] }
        }
        func hits(_ index: Int) -> [Bool] { predictions.labels.map { $0 == index } }
        let curves = (0..<classCount).map { InterpolatedPrecision(scores: scores($0), labels: hits($0)) }
        figures.append(.precisionRecall(curves, columns))
        figures.append(
            .reliability("confidence", "Reliability by group of the predicted class", columns) { add in
                for row in sure.indices { add(decided[row], sure[row], decided[row] == predictions.labels[row]) }
            })
        figures.append(.distribution(of: "accuracy", classes.map { $0["accuracy"]?.double }, columns))
        thresholdCurves = ThresholdCurves(
            curves: (0..<classCount).map {
                ThresholdCurves.curve(scores: scores($0).map { Double($0) }, hits: hits($0))
            }, title: "softmax, each class against the rest")
        var wrong = Worst()
        var pairs: [Int: Int] = [:]
        for row in sure.indices where decided[row] != predictions.labels[row] {
            wrong.add(Float(sure[row]), row)
            pairs[predictions.labels[row] * classCount + decided[row], default: 0] += 1
        }
        mistakes += wrong.cells.map { row in
            Mistake(
                image: imageName(row, images), classIndex: decided[row], score: sure[row], kind: "wrong class",
                why: "is \(className(predictions.labels[row]))")
        }
        let often = pairs.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(15)
        if !often.isEmpty {
            figures.append(
                Figure(
                    name: "confusions", title: "Most frequent confusions",
                    kind: .bars(
                        labels: often.map { "\(className($0.key / classCount)) → \(className($0.key % classCount))" }),
                    x: .init("truth → prediction"), y: .init("images"),
                    series: [.init("images", y: often.map { Double($0.value) })]))
        }
    }

    private func imageName(_ row: Int, _ images: [String]?) -> String { images?[row] ?? "row \(row)" }

    private func className(_ index: Int) -> String { classes[index]["name"]?.string ?? "class \(index)" }
}

/// The items of greatest badness, in time linear in the items.
private struct Worst {
    private var kept: [(badness: Float, cell: Int)] = []
    private var bar = -Float.infinity

    /// Cells come in ascending order; equal badness keeps the earlier.
    mutating func add(_ badness: Float, _ cell: Int) {
        guard badness > bar else { return }
        kept.append((badness, cell))
        if kept.count >= 8 * mistakeCount { cut() }
    }

    private mutating func cut() {
        kept.sort { ($1.badness, $0.cell) < ($0.badness, $1.cell) }
        guard kept.count >= mistakeCount else { return }
        kept.removeSubrange(mistakeCount...)
        bar = kept[mistakeCount - 1].badness
    }

    /// Worst first.
    var cells: [Int] {
        var copy = self
        copy.cut()
        return copy.kept.map(\.cell)
    }
}
