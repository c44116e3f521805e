// Report: named values per column (frequency groups, then the total) with what they were computed from.

import LTCore

/// The outcome of an evaluation.
public struct Report: Sendable {
    /// One metric over the columns.
    public struct Row: Sendable, Equatable {
        public var name: String
        public var title: String
        /// Whether the values are shares, printed as percent in text; JSON has them as they are.
        public var isShare: Bool
        /// One per column; `nil` where not defined.
        public var values: [Double?]
    }

    /// Rows that belong together: "ranking", "at_0.5", ….
    public struct Section: Sendable, Equatable {
        public var name: String
        public var title: String
        public var rows: [Row]
    }

    /// What a reader looks at first: a path in JSON and the row that it shows.
    public struct Headline: Sendable, Equatable {
        /// ["F1", "at_0.5", "micro"].
        public var path: [String]
        public var title: String
        public var section: String
        public var row: String
    }

    public var task: String
    public var images: Int
    /// Column names: the groups, then "total".
    public var columns: [String]
    /// Classes in each column.
    public var columnClasses: [Int]
    public var groupRule: String
    public var headlines: [Headline]
    public var sections: [Section]
    /// One object per class.
    public var classes: [JSONValue]
    /// What a reader must know to read the values rightly.
    public var notes: [String]
    /// What the values were computed from: digests, settings, versions.
    public var provenance: [JSONValue.Member]

    /// The value of a metric; `nil` when there is none.
    public func value(_ section: String, _ row: String, column: String = "total") -> Double? {
        guard let column = columns.firstIndex(of: column), let values = self.values(section, row) else { return nil }
        return values[column]
    }

    private func values(_ section: String, _ row: String) -> [Double?]? {
        sections.first { $0.name == section }?.rows.first { $0.name == row }?.values
    }

    // MARK: JSON

    /// The report as JSON; the keys and their order are stable (docs/metrics.md).
    public var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("schema", .int(1)), .init("task", .string(task)), .init("images", .int(images)),
            .init(
                "groups",
                .object([
                    .init("rule", .string(groupRule)),
                    .init("classes", .object(zip(columns, columnClasses).map { .init($0, .int($1)) })),
                ])),
        ]
        for headline in headlines {
            guard let values = values(headline.section, headline.row) else { continue }
            Self.insert(byColumn(values), at: headline.path[...], into: &members)
        }
        members.append(
            .init(
                "metrics",
                .object(
                    sections.map { section in
                        .init(section.name, .object(section.rows.map { .init($0.name, byColumn($0.values)) }))
                    })))
        members.append(.init("classes", .array(classes)))
        members.append(.init("notes", .array(notes.map { .string($0) })))
        members.append(.init("provenance", .object(provenance)))
        return .object(members)
    }

    private func byColumn(_ values: [Double?]) -> JSONValue {
        .object(zip(columns, values).map { .init($0, .optional($1)) })
    }

    private static func insert(_ value: JSONValue, at path: ArraySlice<String>, into members: inout [JSONValue.Member])
    {
        guard let key = path.first else { return }
        let rest = path.dropFirst()
        if rest.isEmpty {
            members.append(.init(key, value))
            return
        }
        let position = members.firstIndex { $0.key == key } ?? members.endIndex
        if position == members.endIndex { members.append(.init(key, .object([]))) }
        guard case .object(var inner) = members[position].value else { return }
        insert(value, at: rest, into: &inner)
        members[position].value = .object(inner)
    }

    /// Writes the JSON to a file, complete or not at all.
    /// - Throws: `io`.
    public func writeJSON(_ path: String) throws(LTError) {
        try within("report \(path)") { () throws(LTError) in
            try replaceFile(path, with: Array((json.text() + "\n").utf8))
        }
    }

    // MARK: Text

    /// The headlines as a table, then the notes.
    public var text: String {
        let rows = headlines.compactMap { headline in
            sections.first { $0.name == headline.section }?.rows.first { $0.name == headline.row }
                .map { Row(name: $0.name, title: headline.title, isShare: $0.isShare, values: $0.values) }
        }
        let groups = zip(columns, columnClasses).map { "\($1) \($0)" }.dropLast().joined(separator: ", ")
        var lines = [
            "\(images) images, \(columnClasses.last ?? 0) classes"
                + (groups.isEmpty ? "" : " (\(groupRule): \(groups))")
        ]
        lines += table(rows)
        lines += notes.map { "note: \($0)" }
        return lines.joined(separator: "\n")
    }

    /// Every section as a table.
    public var fullText: String {
        sections.map { ([$0.title] + table($0.rows)).joined(separator: "\n") }.joined(separator: "\n\n")
    }

    private func table(_ rows: [Row]) -> [String] {
        let titleWidth = rows.map(\.title.count).max() ?? 0
        let width = max(9, (columns.map(\.count).max() ?? 0) + 2)
        func padded(_ text: String) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
        let header = String(repeating: " ", count: titleWidth) + columns.map(padded).joined()
        return [header]
            + rows.map { row in
                row.title + String(repeating: " ", count: titleWidth - row.title.count)
                    + row.values.map { padded(Self.cell($0, isShare: row.isShare)) }.joined()
            }
    }

    /// A share as percent with two decimals, another number with four, "-" for none.
    static func cell(_ value: Double?, isShare: Bool) -> String {
        guard let value else { return "-" }
        let decimals = isShare ? 2 : 4
        // Percent with two decimals and plain with four: both are whole ten-thousandths.
        let scaled = (abs(value) * 10_000).rounded()
        guard scaled < 1e15 else { return "\(value)" }
        let digits = String(Int(scaled))
        let filled = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        return (value < 0 && scaled > 0 ? "-" : "") + filled.dropLast(decimals) + "." + filled.suffix(decimals)
    }
}
