// Predictions of a problem in which each image has exactly one class.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Raw scores of images × classes and one label per image.
public struct MulticlassPredictions: Sendable {
    public let rowCount: Int
    public let classCount: Int
    /// [rows, classes], row-major, finite.
    public let logits: [Float]
    /// [rows], each in 0 ..< classes, or −1 for an image of none of them (open set).
    public let labels: [Int]
    /// The scores are probabilities already, no softmax is taken.
    public var areProbabilities = false

    /// - Parameter openSet: allows the label −1.
    /// - Throws: `shapeMismatch`, `notFinite` naming row and class, `invalidArgument` naming the row of a label out of range.
    public init(logits: [Float], labels: [Int], classCount: Int, openSet: Bool = false) throws(LTError) {
        guard classCount > 0, !labels.isEmpty, logits.count == labels.count * classCount else {
            throw LTError(
                .shapeMismatch, "\(logits.count) scores for \(labels.count) labels and \(classCount) classes")
        }
        if let bad = firstNotFinite(logits) {
            throw LTError(
                .notFinite,
                "score of row \(bad / classCount), class \(bad % classCount) is \(logits[bad]), expected a finite number"
            )
        }
        let range = (openSet ? -1 : 0)..<classCount
        if let bad = labels.firstIndex(where: { !range.contains($0) }) {
            throw LTError(
                .invalidArgument,
                "label of row \(bad) is \(labels[bad]), expected \(range.lowerBound) ..< \(classCount)",
                hint: labels[bad] == -1 ? "--open-set THRESHOLD evaluates images of no known class" : nil)
        }
        rowCount = labels.count
        self.classCount = classCount
        self.logits = logits
        self.labels = labels
    }

    public func logits(ofRow row: Int) -> ArraySlice<Float> { logits[row * classCount..<(row + 1) * classCount] }

    /// Softmax in float64, or the scores where they are probabilities.
    public func probabilities(ofRow row: Int) -> [Double] {
        let logits = logits(ofRow: row)
        if areProbabilities { return logits.map { Double($0) } }
        let highest = Double(logits.max() ?? 0)
        let exponentials = logits.map { exp(Double($0) - highest) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { $0 / sum }
    }

    /// The class of the highest score of each row, the lowest index on ties.
    public var predictions: [Int] {
        (0..<rowCount).map { row in
            let logits = logits(ofRow: row)
            var best = logits.startIndex
            for index in logits.indices where logits[index] > logits[best] { best = index }
            return best - logits.startIndex
        }
    }

    /// Greatest probability of each row, and whether its class is right.
    public var confidences: Confidences { summary().confidences }

    /// SHA-256 of sizes, scores and labels.
    public var digest: String {
        var hash = SHA256()
        hash.update("multiclass \(rowCount) \(classCount)\n")
        hash.update(littleEndian: logits)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(labels.count * 8)
        for label in labels { withUnsafeBytes(of: label.littleEndian) { bytes.append(contentsOf: $0) } }
        hash.update(bytes)
        return "sha256:" + hash.digest
    }
}
