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
        if classCount > 0, labels.count == scores.count,
            let bad = labels.firstIndex(where: { $0 != 0 && $0 != 1 })
        {
            throw LTError(
                .invalidArgument,
                "label of row \(bad / classCount), class \(bad % classCount) is \(labels[bad]), expected 0 or 1")
        }
        try self.init(scores: scores, labels: labels.map { $0 != 0 }, classCount: classCount)
    }

    /// - Parameter labels: [rows, classes].
    /// - Throws: `shapeMismatch` and `notFinite` as above.
    public init(scores: [Float], labels: [Bool], classCount: Int) throws(LTError) {
        guard classCount > 0, scores.count.isMultiple(of: classCount), !scores.isEmpty else {
            throw LTError(.shapeMismatch, "\(scores.count) scores, expected whole rows of \(classCount) classes")
        }
        guard labels.count == scores.count else {
            throw LTError(
                .shapeMismatch,
                "\(labels.count) labels for \(scores.count) scores (\(scores.count / classCount) × \(classCount))")
        }
        if let bad = firstNotFinite(scores) {
            throw LTError(
                .notFinite,
                "score of row \(bad / classCount), class \(bad % classCount) is \(scores[bad]), expected a finite number"
            )
        }
        self.init(rowCount: scores.count / classCount, classCount: classCount, scores: scores, labels: labels)
    }

    init(rowCount: Int, classCount: Int, scores: [Float], labels: [Bool]) {
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
        sumOverRows([Int](repeating: 0, count: classCount), { sum, part in for c in sum.indices { sum[c] += part[c] } })
        {
            sums, _, _, labels in
            for column in sums.indices { sums[column] &+= Int(labels[column]) }
        }
    }

    /// The same rows with some of the columns, in the given order.
    public func selecting(classes: [Int]) -> MultilabelPredictions {
        MultilabelPredictions(
            rowCount: rowCount, classCount: classes.count, scores: selectColumns(scores, classCount, classes),
            labels: selectColumns(labels, classCount, classes))
    }

    /// The same truth with other scores (calibrated ones, say).
    public func replacing(scores: [Float]) throws(LTError) -> MultilabelPredictions {
        try MultilabelPredictions(scores: scores, labels: labels, classCount: classCount)
    }

    /// SHA-256 of sizes, scores and labels: names the data that something was fitted on or measured with.
    public var digest: String {
        var hash = SHA256()
        hash.update("multilabel \(rowCount) \(classCount)\n")
        hash.update(littleEndian: scores)
        labels.withUnsafeBytes { hash.update($0) }  // 0 and 1
        return "sha256:" + hash.digest
    }
}

extension SHA256 {
    /// Adds the bits of numbers, lower bytes first.
    mutating func update(littleEndian values: [Float]) {
        #if _endian(little)
            values.withUnsafeBytes { update($0) }
        #else
            for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { update($0) } }
        #endif
    }
}

/// The position of the first value that is NaN or infinite.
func firstNotFinite(_ values: [Float]) -> Int? {
    values.withUnsafeBufferPointer { values in
        for start in stride(from: 0, to: values.count, by: 4096) {
            // The exponent of what is not finite is all ones; a block is searched only when one is there.
            var greatest: UInt32 = 0
            for index in start..<min(start + 4096, values.count) {
                greatest = max(greatest, values[index].bitPattern & 0x7FFF_FFFF)
            }
            if greatest >= 0x7F80_0000 { return (start..<values.count).first { !values[$0].isFinite } }
        }
        return nil
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
