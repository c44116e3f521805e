// What classification reports show beside their tables: precision-recall curves, reliability, counts over thresholds and
// the worst mistakes, for multi-label and multi-class predictions. Made on request only: it costs as much as the metrics.

import LTCore

extension Report {
    /// Adds what multi-label predictions show.
    /// - Parameters:
    ///   - sums: made for figures.
    ///   - images: a name per row; rows are numbered without.
    mutating func addFigures(
        _ predictions: MultilabelPredictions, _ ranking: MultilabelRanking, _ sums: MultilabelSums, columns: Columns,
        images: [String]?
    ) {
        let hasCounts = classes.contains { $0["train_count"] != nil }
        let f1 = classes.first?["F1_at_threshold"] == nil ? "F1_at_0.5" : "F1_at_threshold"
        if hasCounts {
            figures += [
                .againstCount("AP", "AP"),
                .againstCount(f1, f1 == "F1_at_0.5" ? "F1 at 0.5" : "F1 at fitted thresholds"),
            ]
        }
        figures.append(.precisionRecall(ranking.classes.map(\.interpolatedPrecision), columns))
        func addReliability(_ name: String, _ sums: CalibrationSums?) {
            guard let sums else { return }
            let bins = sums.calibrations(columns.groups).map(\.pooledBins)
            figures.append(
                .reliability(
                    name, "Reliability \(name) calibration",
                    zip(columns.names, bins).compactMap { name, bins in bins.map { (name, $0) } }))
        }
        addReliability("before", sums.before)
        addReliability("after", sums.after)
        figures.append(.distribution(of: "AP", classes.map { $0["AP"]?.double }, columns))
        thresholdCurves = sums.curves.map {
            ThresholdCurves(
                curves: $0.curves(ranking.classes.map(\.positives)),
                title: sums.after == nil ? "scores" : "calibrated scores")
        }
        addMistakes(predictions, sums, images)
    }

    private mutating func addMistakes(
        _ predictions: MultilabelPredictions, _ sums: MultilabelSums, _ images: [String]?
    ) {
        let width = predictions.classCount
        func mistake(_ cell: Int, _ kind: String, _ why: String) -> Mistake {
            Mistake(
                image: imageName(cell / width, images), classIndex: cell % width,
                score: ReportJSON.decimal(sums.score(cell, of: predictions)).double ?? 0, kind: kind, why: why)
        }
        /// The classes that the image does have.
        func labels(_ row: Int) -> String {
            let own = (0..<width).filter { predictions.labels[row * width + $0] }.map { className($0) }
            let shown = own.prefix(4).joined(separator: ", ") + (own.count > 4 ? " and \(own.count - 4) more" : "")
            return own.isEmpty ? "the image has no label" : "the image has \(shown)"
        }
        mistakes += (sums.alarms?.cells ?? []).map { mistake($0, "false alarm", labels($0 / width)) }
        mistakes += (sums.missed?.cells ?? []).map { mistake($0, "missed", "the image has it") }
    }

    /// Adds what multi-class predictions show.
    mutating func addFigures(
        _ predictions: MulticlassPredictions, _ summary: MulticlassSummary, columns: Columns, images: [String]?
    ) {
        if classes.contains(where: { $0["train_count"] != nil }) {
            figures += [.againstCount("accuracy", "accuracy"), .againstCount("F1", "F1")]
        }
        let against = predictions.againstRest()
        figures.append(.precisionRecall(against.curves, columns))
        figures.append(
            .reliability("confidence", "Reliability by group of the predicted class", columns) { add in
                for row in summary.predictions.indices {
                    add(summary.predictions[row], summary.confidences.confidence[row], summary.confidences.hits[row])
                }
            })
        figures.append(.distribution(of: "accuracy", classes.map { $0["accuracy"]?.double }, columns))
        thresholdCurves = ThresholdCurves(
            curves: against.thresholds.curves(summary.classCounts.map(\.positives)),
            title: "softmax, each class against the rest")
        var wrong = WorstCells()
        for row in summary.rows.indices where !summary.confidences.hits[row] {
            wrong.add(Float(summary.confidences.confidence[row]), row)
        }
        mistakes += wrong.cells.map { row in
            Mistake(
                image: imageName(summary.rows[row], images), classIndex: summary.predictions[row],
                score: summary.confidences.confidence[row], kind: "wrong class",
                why: "is \(className(summary.labels[row]))")
        }
        let often = summary.confusions(limit: 15)
        if !often.isEmpty {
            figures.append(
                Figure(
                    name: "confusions", title: "Most frequent confusions",
                    kind: .bars(labels: often.map { "\(className($0.actual)) → \(className($0.predicted))" }),
                    x: .init("truth → prediction"), y: .init("images"),
                    series: [.init("images", y: often.map { Double($0.count) })]))
        }
    }

    private func imageName(_ row: Int, _ images: [String]?) -> String { images?[row] ?? "row \(row)" }

    private func className(_ index: Int) -> String { classes[index]["name"]?.string ?? "class \(index)" }
}

extension MulticlassPredictions {
    /// Each class against the rest: precision over recall, counts over thresholds. Classes are gathered a few at a time.
    fileprivate func againstRest() -> (curves: [InterpolatedPrecision], thresholds: ThresholdCurveSums) {
        let probabilities = probabilitiesOfKnown()
        let thresholds = probabilities.sumOverRows(ThresholdCurveSums(classCount: classCount), +=) {
            sums, _, scores, labels in
            sums.add(UnsafeBufferPointer(start: scores, count: classCount), labels)
        }
        return (probabilities.classRankings().map(\.interpolatedPrecision), thresholds)
    }

    /// Probabilities of the images of a known class, with one label each.
    private func probabilitiesOfKnown() -> MultilabelPredictions {
        let rows = labels.indices.filter { labels[$0] >= 0 }
        let parts = parallelMap(rows.count) { position in probabilities(ofRow: rows[position]).map { Float($0) } }
        var own = [Bool](repeating: false, count: rows.count * classCount)
        for (position, row) in rows.enumerated() { own[position * classCount + labels[row]] = true }
        return MultilabelPredictions(
            rowCount: rows.count, classCount: classCount, scores: parts.flatMap { $0 }, labels: own)
    }
}
