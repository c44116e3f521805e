// What detection reports show beside their tables: precision-recall curves at IoU 0.5 and 0.75, reliability, counts over
// thresholds and the surest false alarms at IoU 0.5. Ignored detections are in none of them.

import LTCore

extension Report {
    /// Adds what detections show.
    /// - Parameter columns: the categories of each frequency group, then all.
    mutating func addFigures(
        _ matches: DetectionMatches, _ curves: DetectionCurves, _ truth: DetectionTruth, _ results: DetectionResults,
        columns: Columns
    ) {
        let rules = matches.rules
        func threshold(_ wanted: Double) -> Int? { rules.iouThresholds.firstIndex { abs($0 - wanted) < 1e-9 } }
        if truth.categories.contains(where: { $0.imageCount != nil }) { figures.append(.againstCount("AP", "AP")) }
        for wanted in [0.5, 0.75] {
            guard let threshold = threshold(wanted) else { continue }
            figures.append(
                .precisionRecall(
                    "precision_recall_\(wanted)", "Precision and recall at IoU \(wanted)", rules.recallThresholds,
                    columns
                ) { curves.precision(category: $0, threshold: threshold) })
        }
        let reliability = DetectionReliability(matches)
        if reliability.isDefined {
            figures.append(
                .reliability(
                    "detections", "Reliability: a match at IoU \(reliability.iou)",
                    zip(columns.names, columns.classes).compactMap { name, members in
                        reliability.bins(categories: members).map { (name, $0) }
                    }))
        }
        figures.append(.distribution(of: "AP", classes.map { $0["AP"]?.double }, columns))
        if let threshold = threshold(0.5) {
            addThresholdCurves(matches, threshold, truth)
            addMistakes(matches, threshold, truth, results)
        }
    }

    private mutating func addThresholdCurves(_ matches: DetectionMatches, _ threshold: Int, _ truth: DetectionTruth) {
        thresholdCurves = ThresholdCurves(
            curves: truth.categories.indices.map { category in
                var scores: [Double] = []
                var hits: [Bool] = []
                matches.forEachCounted(category, threshold) { index, isHit in
                    scores.append(matches.scores[index])
                    hits.append(isHit)
                }
                return ThresholdCurves.curve(
                    scores: scores, hits: hits, positives: matches.positives(ofCategory: category))
            }, title: "scores, matched at IoU 0.5")
    }

    private mutating func addMistakes(
        _ matches: DetectionMatches, _ threshold: Int, _ truth: DetectionTruth, _ results: DetectionResults
    ) {
        var worst = WorstCells()
        for category in truth.categories.indices {
            matches.forEachCounted(category, threshold) { index, isHit in
                if !isHit { worst.add(Float(matches.scores[index]), index) }
            }
        }
        // The category whose part of the order an index lies in.
        func category(of index: Int) -> Int {
            var (low, high) = (0, matches.categoryCount)
            while high - low > 1 {
                let middle = (low + high) / 2
                if matches.starts[middle] <= index { low = middle } else { high = middle }
            }
            return low
        }
        mistakes += worst.cells.map { index in
            let entry = matches[index]
            return Mistake(
                image: "image \(truth.images[entry.image].id)", classIndex: category(of: index), score: entry.score,
                kind: "false alarm", why: "matches no object of its class at IoU 0.5",
                box: results.boxes.count >= 4 * entry.row + 4
                    ? Array(results.boxes[4 * entry.row..<4 * entry.row + 4]) : [])
        }
    }
}

extension DetectionMatches {
    /// Positions of a category's detections that count at an IoU threshold, best score first, and whether each found an object.
    fileprivate func forEachCounted(_ category: Int, _ threshold: Int, _ body: (Int, Bool) -> Void) {
        let bit = UInt32(1) << UInt32(threshold)
        for index in range(ofCategory: category) where ignored[index] & bit == 0 {
            body(index, matched[index] & bit != 0)
        }
    }
}
