// JSON Lines: an object per image. Ids: "id", "image", "image_id", "file_name" or "path". Scores: "scores" or "logits" (or
// "probabilities"), an array in class order or an object by class name; what `lt-infer run --jsonl` writes is read too
// (its scores are calibrated; lines with "error" have none). Labels: "label", a class name or index; or "labels", an array
// of them, of 0 and 1 for every class, or an object of 0 and 1 by class name. Other members are passed over.

import LTCore

private let idKeys: Set<String> = ["id", "image", "image_id", "file_name", "path"]

/// Calls `member` for each member of each line's object, `end` after each object.
private func forEachObject(
    _ path: String, _ member: (inout JSONReader, String) throws(LTError) -> Void, _ end: () throws(LTError) -> Void
) throws(LTError) {
    let file = try TextRecords(path, joinsQuotes: false)
    var bytes: [UInt8] = []
    var isEmpty = true
    while try file.next(&bytes) {
        isEmpty = false
        // Typed errors do not pass through withUnsafeBytes.
        var failure: LTError?
        bytes.withUnsafeBytes { raw in
            do throws(LTError) {
                try within("line \(file.line)") { () throws(LTError) in
                    var reader = JSONReader(raw)
                    try reader.object(member)
                    try reader.end()
                    try end()
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
    }
    if isEmpty { throw LTError(.malformed, "the file is empty") }
}

private func readID(_ reader: inout JSONReader) throws(LTError) -> String {
    try reader.peek() == .number ? String(try reader.int()) : try reader.string()
}

/// Ids of all lines or of none.
private struct LineIDs {
    private(set) var ids: [String] = []

    mutating func add(_ id: String?, row: Int) throws(LTError) {
        if let id, ids.count == row {
            ids.append(id)
        } else if id != nil || !ids.isEmpty {
            throw LTError(.malformed, id == nil ? "no id, lines before have one" : "an id, lines before have none")
        }
    }
}

/// Values by class name: the first line says the order, the others must have the same names.
private struct NamedColumns {
    private(set) var names: [String] = []
    private var positions: [String: Int] = [:]
    private var isOpen = true

    /// Reads an object of as many values as there are names into `row`.
    mutating func read<Value>(
        _ reader: inout JSONReader, into row: inout [Value?],
        _ value: (inout JSONReader, String) throws(LTError) -> Value
    ) throws(LTError) {
        row = [Value?](repeating: nil, count: names.count)
        var (names, positions) = (self.names, self.positions)
        let isOpen = isOpen
        try reader.object { reader, name throws(LTError) in
            if isOpen, positions[name] == nil {
                positions[name] = names.count
                names.append(name)
                row.append(nil)
            }
            guard let position = positions[name] else {
                throw reader.malformed("the first line has no class '\(name)',")
            }
            guard row[position] == nil else { throw reader.malformed("class '\(name)' twice") }
            row[position] = try value(&reader, name)
        }
        (self.names, self.positions, self.isOpen) = (names, positions, false)
        if let missing = row.firstIndex(where: { $0 == nil }) {
            throw reader.malformed("no value of class '\(names[missing])'")
        }
    }
}

extension ScoreTable {
    init(jsonLines path: String) throws(LTError) {
        var table = ScoreTable()
        var ids = LineIDs()
        var columns = NamedColumns()
        var line = JSONLine()
        try forEachObject(path) { reader, key throws(LTError) in
            switch key {
            case _ where idKeys.contains(key) && line.id == nil: line.id = try readID(&reader)
            case "scores", "logits", "probabilities":
                guard line.scores == nil else { throw reader.malformed("scores twice") }
                if key == "probabilities" { table.areProbabilities = true }
                func score(_ reader: inout JSONReader, _ name: String) throws(LTError) -> Float {
                    let value = try reader.peek() == .null ? .nan : Float(try reader.double())
                    if !value.isFinite {
                        throw LTError(.notFinite, "the score of class \(name) is not a finite number")
                    }
                    return value
                }
                if try reader.peek() == .object {
                    var row: [Float?] = []
                    try columns.read(&reader, into: &row, score)
                    line.scores = row.compactMap { $0 }
                } else {
                    var row: [Float] = []
                    try reader.array { reader throws(LTError) in row.append(try score(&reader, String(row.count))) }
                    line.scores = row
                }
            case "decisions":
                table.areProbabilities = true
                try reader.skip()
            case "error": line.error = try reader.peek() == .string ? try reader.string() : "error"
            default: try reader.skip()
            }
        } _: { () throws(LTError) in
            defer { line = JSONLine() }
            if let error = line.error, line.scores == nil {
                table.failed.append((line.id ?? "", error))
                return
            }
            guard let scores = line.scores, !scores.isEmpty else { throw LTError(.malformed, "no \"scores\"") }
            if table.classCount == 0 { table.classCount = scores.count }
            guard scores.count == table.classCount else {
                throw LTError(.shapeMismatch, "\(scores.count) scores, expected \(table.classCount)")
            }
            try ids.add(line.id, row: table.rowCount)
            table.scores += scores
        }
        table.ids = ids.ids.isEmpty ? nil : ids.ids
        table.names = columns.names.isEmpty ? nil : columns.names
        guard table.classCount > 0 else { throw LTError(.malformed, "no line has scores") }
        self = table
    }
}

/// What was read of one line.
private struct JSONLine {
    var id: String?
    var scores: [Float]?
    var error: String?
    var label: LabelTable.Class?
    var labels: [LabelTable.Class]?
}

extension LabelTable {
    init(jsonLines path: String) throws(LTError) {
        var ids = LineIDs()
        var columns = NamedColumns()
        var line = JSONLine()
        var single: [Class] = []
        var lists: [[Class]] = []
        func readClass(_ reader: inout JSONReader) throws(LTError) -> Class {
            switch try reader.peek() {
            case .number: .index(try reader.int())
            case .boolean: .index(try reader.bool() ? 1 : 0)
            default: .name(try reader.string())
            }
        }
        try forEachObject(path) { reader, key throws(LTError) in
            switch key {
            case _ where idKeys.contains(key) && line.id == nil: line.id = try readID(&reader)
            case "label": line.label = try readClass(&reader)
            case "labels":
                if try reader.peek() == .object {
                    var row: [Class?] = []
                    try columns.read(&reader, into: &row) { reader, _ throws(LTError) in try readClass(&reader) }
                    line.labels = row.compactMap { $0 }
                } else {
                    var row: [Class] = []
                    try reader.array { reader throws(LTError) in row.append(try readClass(&reader)) }
                    line.labels = row
                }
            default: try reader.skip()
            }
        } _: { () throws(LTError) in
            defer { line = JSONLine() }
            if let label = line.label {
                guard lists.isEmpty else { throw LTError(.malformed, "\"label\", lines before have \"labels\"") }
                try ids.add(line.id, row: single.count)
                single.append(label)
            } else if let labels = line.labels {
                guard single.isEmpty else { throw LTError(.malformed, "\"labels\", lines before have \"label\"") }
                try ids.add(line.id, row: lists.count)
                lists.append(labels)
            } else {
                throw LTError(.malformed, "neither \"label\" nor \"labels\"")
            }
        }
        self.ids = ids.ids.isEmpty ? nil : ids.ids
        names = columns.names.isEmpty ? nil : columns.names
        rows = lists.isEmpty ? .single(single) : Self.cells(lists, mustBe: names != nil) ?? .lists(lists)
        if names != nil, case .lists = rows {
            throw LTError(.malformed, "labels by class name, expected 0 or 1 for each class")
        }
    }

    /// Lists of 0 and 1, one for each class, as cells: all of the same length, above 1, and longer than their ones alone.
    private static func cells(_ lists: [[Class]], mustBe: Bool) -> Rows? {
        let width = lists[0].count
        guard width > 1 || mustBe else { return nil }
        var cells: [Bool] = []
        for list in lists {
            guard list.count == width else { return nil }
            for value in list {
                switch value {
                case .index(0): cells.append(false)
                case .index(1): cells.append(true)
                default: return nil
                }
            }
        }
        return .cells(cells, classCount: width)
    }
}
