// Matching: which stored prediction belongs to which image of a data set, and which column to which category.

import LTCore
import LTDecision

/// Joins predictions and truth by image path and class name.
public enum Matching {
    /// For each wanted path, the position of the given path that names the same file; see `PathIndex`.
    /// - Returns: `nil` where none does.
    /// - Throws: `conflict` where several match alike, naming them.
    public static func files(_ wanted: [String], in given: [String]) throws(LTError) -> [Int?] {
        let index = PathIndex(given)
        var result: [Int?] = []
        result.reserveCapacity(wanted.count)
        for path in wanted {
            let best = index.matches(path)
            guard best.count <= 1 else {
                throw LTError(
                    .conflict,
                    "image '\(path)' of the data could be any of \(best.count) predicted files: "
                        + best.prefix(3).map { given[$0] }.joined(separator: ", "),
                    hint: "give the data's images the folder that tells them apart")
            }
            result.append(best.first)
        }
        return result
    }

    /// For each column of the model, the position of the category it predicts: by name where the model has labels
    /// (ids must agree too), else by position.
    /// - Parameter categories: id and name of each category of the data.
    /// - Throws: `shapeMismatch` for different numbers, `conflict` naming the class that differs.
    public static func classes(
        _ labels: [DecisionLayer.Label]?, columns: Int, categories: [DecisionLayer.Label]
    ) throws(LTError) -> [Int] {
        guard categories.count == columns else {
            throw LTError(.shapeMismatch, "the data has \(categories.count) classes, the predictions \(columns)")
        }
        guard let labels else { return Array(0..<columns) }
        var positions: [Int: Int] = [:]
        for (index, category) in categories.enumerated() { positions[category.id] = index }
        var result: [Int] = []
        for label in labels {
            guard let position = positions[label.id] else {
                throw LTError(.conflict, "the model's class '\(label.name)' (id \(label.id)) is not in the data")
            }
            guard categories[position].name == label.name else {
                throw LTError(
                    .conflict,
                    "id \(label.id) is '\(categories[position].name)' in the data, '\(label.name)' in the model")
            }
            result.append(position)
        }
        guard result.count == columns else {
            throw LTError(.shapeMismatch, "the model has \(result.count) labels, the predictions \(columns) columns")
        }
        return result
    }

    /// One image's prediction, as a store has it.
    public struct Prediction: Sendable {
        public var path: String
        /// Raw scores, or why there are none.
        public var scores: Result<[Float], LTError>

        public init(path: String, scores: Result<[Float], LTError>) {
            self.path = path
            self.scores = scores
        }
    }

    /// Predictions in the order of the truth, and what was left out.
    public struct Joined: Sendable {
        /// Positions in the truth that have scores, ascending.
        public var rows: [Int]
        /// [rows, columns].
        public var scores: [Float]
        /// Images without scores, when they may be skipped.
        public var skipped: Int
        /// Predictions of images that the data does not have.
        public var unused: Int
    }

    /// Finds the scores of every image of the truth, which is given as paths.
    /// - Parameter skippingMissing: leaves out images without scores instead of refusing.
    /// - Throws: `notFound` for images without prediction or with a failed one (number and examples), `conflict` for
    ///   ambiguous paths, `shapeMismatch` for rows of different widths, `notFinite` naming the image.
    public static func join(
        _ predictions: [Prediction], _ truth: [String], columns: Int, skippingMissing: Bool
    ) throws(LTError) -> Joined {
        let positions = try files(truth, in: predictions.map(\.path))
        var joined = Joined(rows: [], scores: [], skipped: 0, unused: 0)
        joined.scores.reserveCapacity(truth.count * columns)
        var missing: [String] = []
        var used: Set<Int> = []
        for (row, position) in positions.enumerated() {
            guard let position else {
                missing.append("\(truth[row]) (not predicted)")
                continue
            }
            if !used.insert(position).inserted {
                throw LTError(.conflict, "prediction '\(predictions[position].path)' belongs to two images of the data")
            }
            switch predictions[position].scores {
            case .failure(let error): missing.append("\(truth[row]) (\(error.message))")
            case .success(let scores):
                guard scores.count == columns else {
                    throw LTError(
                        .shapeMismatch, "\(scores.count) scores, expected \(columns)",
                        context: ["image \(predictions[position].path)"])
                }
                if let bad = scores.firstIndex(where: { !$0.isFinite }) {
                    throw LTError(
                        .notFinite, "the score of class \(bad) is \(scores[bad]), expected a finite number",
                        context: ["image \(predictions[position].path)"])
                }
                joined.rows.append(row)
                joined.scores += scores
            }
        }
        guard missing.isEmpty || skippingMissing else {
            let examples = missing.prefix(3).joined(separator: ", ")
            throw LTError(
                .notFound, "\(missing.count) of the data's \(truth.count) images have no scores: \(examples)",
                hint: "predict them (lt-infer run), or leave them out with --skip-missing")
        }
        guard !joined.rows.isEmpty else { throw LTError(.notFound, "no image of the data has scores") }
        joined.skipped = missing.count
        joined.unused = predictions.count - used.count
        return joined
    }
}
