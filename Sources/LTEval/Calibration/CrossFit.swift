// Cross-fitting: honest numbers from the images of the fit. Images are split into folds; each fold is scored and decided by a
// layer fitted on the others. Folds are stratified class by class, rarest first: each image goes to the fold that has fewest of
// its rarest class, then fewest images, then the first (iterative stratification, Sechidis et al. 2011; images in seeded order).

import LTCore
import LTDecision

/// Rows of a data set in folds.
public struct Folds: Sendable {
    /// The fold of each row.
    public let fold: [Int]
    public let count: Int

    /// - Parameter classesOf: the classes of each row.
    public init(_ count: Int, classesOf rows: [[Int]], classCount: Int, seed: UInt64 = 1) {
        self.count = count
        var positives = [Int](repeating: 0, count: classCount)
        for row in rows { for index in row { positives[index] += 1 } }
        var random = SeededGenerator(seed: seed)
        let order = random.shuffled(Array(rows.indices))
        // Rows by their rarest class; those without any last.
        var rarest = [[Int]](repeating: [], count: classCount + 1)
        for row in order {
            let own = rows[row].min { (positives[$0], $0) < (positives[$1], $1) }
            rarest[own ?? classCount].append(row)
        }
        let classes = (0..<classCount).sorted { (positives[$0], $0) < (positives[$1], $1) } + [classCount]
        var held = [[Int]](repeating: [Int](repeating: 0, count: classCount + 1), count: count)
        var sizes = [Int](repeating: 0, count: count)
        var fold = [Int](repeating: 0, count: rows.count)
        for index in classes {
            for row in rarest[index] {
                let best = (0..<count).min { (held[$0][index], sizes[$0], $0) < (held[$1][index], sizes[$1], $1) } ?? 0
                fold[row] = best
                sizes[best] += 1
                for own in rows[row] { held[best][own] += 1 }
                if index == classCount { held[best][index] += 1 }
            }
        }
        self.fold = fold
    }

    func rows(in number: Int) -> [Int] { fold.indices.filter { fold[$0] == number } }
    func rows(outside number: Int) -> [Int] { fold.indices.filter { fold[$0] != number } }
}

extension DecisionLayer {
    /// Scores and decisions of each image by a layer fitted on the folds that it is not in.
    /// - Throws: as `fitted`; `invalidArgument` for fewer than 2 folds or more than images.
    public func crossFitted(
        on predictions: MultilabelPredictions, options: CalibrationOptions, folds count: Int
    ) throws(LTError) -> (scores: MultilabelPredictions, decisions: [Bool]) {
        try Self.check(count, predictions.rowCount)
        let width = predictions.classCount
        let folds = Folds(
            count,
            classesOf: (0..<predictions.rowCount).map { row in
                (0..<width).filter { predictions.labels[row * width + $0] }
            }, classCount: width)
        var scores = predictions.scores
        var decisions = predictions.labels
        for number in 0..<count {
            let layer = try fittedOnly(
                on: try predictions.selecting(rows: folds.rows(outside: number)), options, intervals: false)
            let decider = try Decider(layer, classCount: width)
            for row in folds.rows(in: number) {
                let cells = row * width..<(row + 1) * width
                let own = try decider.scores(Array(predictions.scores[cells]))
                scores.replaceSubrange(cells, with: own)
                decisions.replaceSubrange(cells, with: decider.positives(own))
            }
        }
        return (try predictions.replacing(scores: scores), decisions)
    }

    /// Logits of each image, calibrated by a layer fitted on the folds that it is not in.
    /// - Throws: as `fitted`; `invalidArgument` for fewer than 2 folds or more than images.
    public func crossFitted(
        on predictions: MulticlassPredictions, options: CalibrationOptions, folds count: Int
    ) throws(LTError) -> MulticlassPredictions {
        try Self.check(count, predictions.rowCount)
        let width = predictions.classCount
        let folds = Folds(count, classesOf: predictions.labels.map { $0 < 0 ? [] : [$0] }, classCount: width)
        var logits = predictions.logits
        for number in 0..<count {
            let others = try predictions.selecting(rows: folds.rows(outside: number))
            let decider = try Decider(
                try fittedOnly(on: others, options, intervals: false), classCount: width)
            for row in folds.rows(in: number) {
                let own = try decider.logits(Array(predictions.logits(ofRow: row)))
                logits.replaceSubrange(row * width..<(row + 1) * width, with: own)
            }
        }
        return try MulticlassPredictions(logits: logits, labels: predictions.labels, classCount: width, openSet: true)
    }

    private static func check(_ folds: Int, _ rows: Int) throws(LTError) {
        guard folds >= 2, folds <= rows else {
            throw LTError(.invalidArgument, "\(folds) folds of \(rows) images, expected 2 … \(rows)")
        }
    }
}

extension MultilabelPredictions {
    func selecting(rows: [Int]) throws(LTError) -> MultilabelPredictions {
        try MultilabelPredictions(
            scores: rows.flatMap { scores[$0 * classCount..<($0 + 1) * classCount] },
            labels: rows.flatMap { labels[$0 * classCount..<($0 + 1) * classCount] },
            classCount: classCount)
    }
}
