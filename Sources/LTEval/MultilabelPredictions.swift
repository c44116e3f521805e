// Predictions of a multi-label problem beside the truth: what the multi-label metrics take.

import LTCore

/// Raw scores and labels of images × classes, row-major.
public struct MultilabelPredictions: Sendable {
    public let rowCount: Int
    public let classCount: Int
    /// [rows, classes], finite; higher means more likely. Logits, where a metric cuts at 0.
    public let scores: [Float]
    /// [rows, classes].
    public let labels: [Bool]

    /// - Parameters:
    ///   - scores: [rows, classes], row-major.
    ///   - labels: [rows, classes], each 0 or 1.
    /// - Throws: `shapeMismatch` when the sizes disagree, `notFinite` naming the row and class of a NaN or infinite score,
    ///   `invalidArgument` naming those of a label other than 0 and 1.
    public init<Label: BinaryInteger>(scores: [Float], labels: [Label], classCount: Int) throws(LTError) {
        guard classCount > 0, scores.count.isMultiple(of: classCount), !scores.isEmpty else {
            throw LTError(.shapeMismatch, "\(scores.count) scores, expected whole rows of \(classCount) classes")
        }
        guard labels.count == scores.count else {
            throw LTError(
                .shapeMismatch,
                "\(labels.count) labels for \(scores.count) scores (\(scores.count / classCount) × \(classCount))")
        }
        if let bad = scores.firstIndex(where: { !$0.isFinite }) {
            throw LTError(
                .notFinite,
                "score of row \(bad / classCount), class \(bad % classCount) is \(scores[bad]), expected a finite number"
            )
        }
        if let bad = labels.firstIndex(where: { $0 != 0 && $0 != 1 }) {
            throw LTError(
                .invalidArgument,
                "label of row \(bad / classCount), class \(bad % classCount) is \(labels[bad]), expected 0 or 1")
        }
        self.init(
            rowCount: scores.count / classCount, classCount: classCount, scores: scores, labels: labels.map { $0 != 0 })
    }

    private init(rowCount: Int, classCount: Int, scores: [Float], labels: [Bool]) {
        self.rowCount = rowCount
        self.classCount = classCount
        self.scores = scores
        self.labels = labels
    }

    /// The scores of one class over all rows.
    public func scores(ofClass index: Int) -> [Float] {
        (0..<rowCount).map { scores[$0 * classCount + index] }
    }

    /// The labels of one class over all rows.
    public func labels(ofClass index: Int) -> [Bool] {
        (0..<rowCount).map { labels[$0 * classCount + index] }
    }

    /// Images that hold each class.
    public var positives: [Int] {
        var positives = [Int](repeating: 0, count: classCount)
        for (cell, label) in labels.enumerated() where label { positives[cell % classCount] += 1 }
        return positives
    }

    /// The same rows with some of the columns, in the given order.
    public func selecting(classes: [Int]) -> MultilabelPredictions {
        MultilabelPredictions(
            rowCount: rowCount, classCount: classes.count, scores: selectColumns(scores, classCount, classes),
            labels: selectColumns(labels, classCount, classes))
    }

    /// The same truth with other scores (calibrated ones, say).
    public func replacing(scores: [Float]) throws(LTError) -> MultilabelPredictions {
        try MultilabelPredictions(scores: scores, labels: labels.map { $0 ? 1 : 0 }, classCount: classCount)
    }

    /// The same truth with yes-or-no decisions.
    /// - Parameter decide: is given class and score.
    public func decisions(_ decide: (Int, Float) -> Bool) -> MultilabelDecisions {
        MultilabelDecisions(
            rowCount: rowCount, classCount: classCount,
            decisions: scores.indices.map { decide($0 % classCount, scores[$0]) }, labels: labels)
    }

    /// SHA-256 of sizes, scores and labels: names the data that something was fitted on or measured with.
    public var digest: String {
        var hash = SHA256()
        hash.update("multilabel \(rowCount) \(classCount)\n")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(scores.count * 5)
        for score in scores { withUnsafeBytes(of: score.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
        for label in labels { bytes.append(label ? 1 : 0) }
        hash.update(bytes)
        return "sha256:" + hash.digest
    }
}

/// Yes-or-no decisions and labels of images × classes, row-major.
public struct MultilabelDecisions: Sendable {
    public let rowCount: Int
    public let classCount: Int
    public let decisions: [Bool]
    public let labels: [Bool]

    public func selecting(classes: [Int]) -> MultilabelDecisions {
        MultilabelDecisions(
            rowCount: rowCount, classCount: classes.count, decisions: selectColumns(decisions, classCount, classes),
            labels: selectColumns(labels, classCount, classes))
    }
}

private func selectColumns<Element>(_ cells: [Element], _ width: Int, _ columns: [Int]) -> [Element] {
    guard !columns.isEmpty else { return [] }
    var result: [Element] = []
    result.reserveCapacity(cells.count / max(width, 1) * columns.count)
    for row in stride(from: 0, to: cells.count, by: width) {
        for column in columns { result.append(cells[row + column]) }
    }
    return result
}
