// ClassificationTables: scores and labels as files have them, before they are joined: rows with or without ids, columns
// with or without class names. The format follows from the file's extension; one file per format.

import LTCore

/// Scores of images × classes.
struct ScoreTable {
    /// One per row; `nil` where the file has none.
    var ids: [String]?
    /// One per column; `nil` where the file has none.
    var names: [String]?
    var classCount = 0
    /// [rows, classes].
    var scores: [Float] = []
    /// Scores are calibrated already, as lt-infer writes them, or said to be probabilities.
    var areProbabilities = false
    /// Rows without scores and why, by id.
    var failed: [(id: String, reason: String)] = []

    var rowCount: Int { classCount == 0 ? 0 : scores.count / classCount }

    /// - Throws: `unsupported` for another extension, and what the format's reader throws.
    static func read(_ path: String) throws(LTError) -> ScoreTable {
        switch try TableFormat(path) {
        case .npy: try ScoreTable(npy: path)
        case .csv(let separator): try ScoreTable(csv: path, separator)
        case .jsonLines: try ScoreTable(jsonLines: path)
        }
    }
}

/// Labels of images.
struct LabelTable {
    /// What names a class: a number, or a text that is looked up among the class names.
    enum Class: Hashable {
        case index(Int)
        case name(String)
    }

    enum Rows {
        /// 0 or 1 for each image and class.
        case cells([Bool], classCount: Int)
        /// The one class of each image; index −1 for none of the known ones.
        case single([Class])
        /// The classes of each image.
        case lists([[Class]])
    }

    var ids: [String]?
    /// One per column of cells; `nil` where the file has none.
    var names: [String]?
    var rows: Rows

    var rowCount: Int {
        switch rows {
        case .cells(let cells, let classCount): classCount == 0 ? 0 : cells.count / classCount
        case .single(let classes): classes.count
        case .lists(let lists): lists.count
        }
    }

    /// - Throws: `unsupported` for another extension, and what the format's reader throws.
    static func read(_ path: String) throws(LTError) -> LabelTable {
        switch try TableFormat(path) {
        case .npy: try LabelTable(npy: path)
        case .csv(let separator): try LabelTable(csv: path, separator)
        case .jsonLines: try LabelTable(jsonLines: path)
        }
    }
}

/// The formats of tables, by extension.
enum TableFormat {
    case npy
    case csv(separator: UInt8)
    case jsonLines

    init(_ path: String) throws(LTError) {
        let name = path.split(separator: "/").last ?? ""
        switch name.split(separator: ".").last.map({ $0.lowercased() }) {
        case "npy": self = .npy
        case "csv": self = .csv(separator: UInt8(ascii: ","))
        case "tsv": self = .csv(separator: 9)
        case "jsonl", "ndjson": self = .jsonLines
        case "db":
            throw LTError(
                .unsupported, "a prediction store, expected .npy, .csv, .tsv or .jsonl",
                hint: "name it with --predictions, and the truth with --data")
        default:
            throw LTError(.unsupported, "unknown kind of file '\(name)', expected .npy, .csv, .tsv or .jsonl")
        }
    }
}
