// CSV (and TSV). Scores: a header of class names, a row per image; the first column holds ids where it is headed id, image,
// file, path or the like, or not headed; what `lt-infer run --csv` writes is read too. Labels: a column headed label (a
// class name or index), one headed labels ("a;b"), or a column of 0 and 1 per class. Without a header, when all fields of
// the first line are numbers (but for an id), columns go by position; 0, 1, 2, … is a header.

import LTCore

/// Headings of a column of ids.
private let idHeadings: Set<String> = [
    "", "id", "image", "image_id", "imageid", "file", "file_name", "filename", "path", "image_path", "key",
]
private let singleHeadings: Set<String> = ["label", "class", "target", "category", "y"]
private let listHeadings: Set<String> = ["labels", "classes", "targets", "categories"]

/// What the first record says of the columns.
private struct CSVHead {
    var hasIDs = false
    /// `nil` without a header.
    var names: [String]?
    var columnCount: Int
    /// Where the values begin.
    var first: Int { hasIDs ? 1 : 0 }

    init(_ record: CSVRecord, knowing headings: Set<String>) throws(LTError) {
        columnCount = record.count
        var texts: [String] = []
        for field in 0..<record.count { texts.append(try record.text(field)) }
        let first = texts[0].lowercased()
        let numbers = (0..<record.count).map { record.number($0) }
        if idHeadings.contains(first) {
            hasIDs = record.count > 1 || !first.isEmpty
        } else if numbers[0] == nil, record.count > 1, numbers.dropFirst().allSatisfy({ $0 != nil }) {
            // An id and its values.
            hasIDs = true
            return
        } else if numbers.allSatisfy({ $0 != nil }) {
            guard record.count > 1, numbers.enumerated().allSatisfy({ $1 == Double($0) }) else { return }
        } else if record.count == 1, !headings.contains(first) {
            return
        }
        names = Array(texts[self.first...])
    }
}

/// Calls `body` for each record after the header; it is given the record and its line.
private func forEachRecord(
    _ path: String, _ separator: UInt8, knowing headings: Set<String>,
    _ begin: (CSVHead) throws(LTError) -> Void, _ body: (CSVRecord, Int) throws(LTError) -> Void
) throws(LTError) {
    let file = try TextRecords(path, joinsQuotes: true)
    var bytes: [UInt8] = []
    var record = CSVRecord()
    var head: CSVHead?
    while try file.next(&bytes) {
        try within("line \(file.line)") { () throws(LTError) in
            try record.split(bytes, separator)
            if head == nil {
                let own = try CSVHead(record, knowing: headings)
                head = own
                try begin(own)
                if own.names != nil { return }
            }
            guard record.count == head?.columnCount else {
                throw LTError(.malformed, "\(record.count) columns, expected \(head?.columnCount ?? 0)")
            }
            try body(record, file.line)
        }
    }
    guard head != nil else { throw LTError(.malformed, "the file is empty") }
}

extension ScoreTable {
    init(csv path: String, _ separator: UInt8) throws(LTError) {
        var first = 0
        var hasIDs = false
        var table = ScoreTable()
        try forEachRecord(path, separator, knowing: []) { head throws(LTError) in
            hasIDs = head.hasIDs
            first = head.first
            table.names = head.names
            if hasIDs { table.ids = [] }
            // lt-infer's columns between the image and the scores.
            if let names = head.names, hasIDs, names.prefix(2) == ["decisions", "error"] {
                first += 2
                table.names = Array(names.dropFirst(2))
                table.areProbabilities = true
            }
            table.classCount = head.columnCount - first
            guard table.classCount > 0 else { throw LTError(.malformed, "no column of scores") }
        } _: { record, line throws(LTError) in
            if table.areProbabilities, !record.isEmpty(2) {
                table.failed.append((try record.text(0), try record.text(2)))
                return
            }
            for field in first..<record.count {
                guard let value = record.number(field) else {
                    throw LTError(
                        .malformed, "'\(try record.text(field))' is no number", context: ["column \(field + 1)"])
                }
                guard Float(value).isFinite else {
                    throw LTError(
                        .notFinite, "the score is \(value), expected a finite number", context: ["column \(field + 1)"])
                }
                table.scores.append(Float(value))
            }
            if hasIDs { table.ids?.append(try record.text(0)) }
        }
        self = table
    }
}

extension LabelTable {
    init(csv path: String, _ separator: UInt8) throws(LTError) {
        enum Kind { case single, lists, cells }
        var (kind, hasIDs, columns) = (Kind.cells, false, 0)
        var names: [String]?
        var ids: [String] = []
        var cells: [Bool] = []
        var single: [Class] = []
        var lists: [[Class]] = []
        try forEachRecord(path, separator, knowing: singleHeadings.union(listHeadings)) { head throws(LTError) in
            hasIDs = head.hasIDs
            columns = head.columnCount - head.first
            names = head.names
            let heading = head.names?.first?.lowercased() ?? ""
            if columns == 1, listHeadings.contains(heading) {
                kind = .lists
            } else if columns == 1, head.names == nil || singleHeadings.contains(heading) {
                kind = .single
            }
            guard columns > 0 else { throw LTError(.malformed, "no column of labels") }
        } _: { record, line throws(LTError) in
            let first = hasIDs ? 1 : 0
            if hasIDs { ids.append(try record.text(0)) }
            switch kind {
            case .single: single.append(try Self.textClass(record.text(first)))
            case .lists:
                var own: [Class] = []
                for part in try record.text(first).split(separator: ";") {
                    let name = part.drop { $0 == " " }
                    if !name.isEmpty { own.append(try Self.textClass(String(name))) }
                }
                lists.append(own)
            case .cells:
                for field in first..<record.count {
                    let text = try record.text(field)
                    switch (record.number(field), text.lowercased()) {
                    case (0, _), (_, "false"): cells.append(false)
                    case (1, _), (_, "true"): cells.append(true)
                    default:
                        throw LTError(
                            .malformed, "label '\(text)', expected 0 or 1", context: ["column \(field + 1)"])
                    }
                }
            }
        }
        self.ids = hasIDs ? ids : nil
        self.names = kind == .cells ? names : nil
        rows =
            switch kind {
            case .single: .single(single)
            case .lists: .lists(lists)
            case .cells: .cells(cells, classCount: columns)
            }
    }

    private static func textClass(_ text: String) throws(LTError) -> Class {
        guard !text.isEmpty else { throw LTError(.malformed, "the label is empty") }
        return .name(text)
    }
}
