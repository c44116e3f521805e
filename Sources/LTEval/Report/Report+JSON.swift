// The report as JSON: stable keys in a stable order (docs/metrics.md, "Reports"), numbers as the shortest decimals that
// read back to the same double.

import LTCore

extension Report {
    /// The version of the schema. Keys may be added within a version; none changes its meaning.
    public static let schema = 1

    /// The report as JSON.
    public var json: ReportJSON {
        var members: [ReportJSON.Member] = [
            .init("schema", .int(Self.schema)), .init("version", .string(longtailVersion)),
            .init("task", .string(task)), .init("images", .int(images)),
            .init(
                "groups",
                .object([
                    .init("rule", .string(groupRule)),
                    .init("classes", .object(zip(columns, columnClasses).map { .init($0, .int($1)) })),
                ])),
        ]
        for headline in headlines {
            guard let row = row(headline.section, headline.row) else { continue }
            if let column = headline.column {
                let value = value(headline.section, headline.row, column: column)
                Self.insert(.optional(value), at: headline.path[...], into: &members)
            } else {
                Self.insert(byColumn(row.values.map { .optional($0) }), at: headline.path[...], into: &members)
            }
        }
        members.append(
            .init(
                "metrics",
                bySection { row in byColumn(row.values.map { .optional($0) }) }))
        if let resampling {
            members.append(
                .init(
                    "intervals",
                    .object([
                        .init("level", .number(resampling.level)), .init("method", .string(resampling.method)),
                        .init(
                            "metrics",
                            bySection { row in
                                row.intervals.contains { $0 != nil }
                                    ? byColumn(row.intervals.map { $0?.json ?? .null }) : nil
                            }),
                    ])))
        }
        members.append(.init("classes", .array(classes)))
        if !figures.isEmpty { members.append(.init("figures", .array(figures.map(\.json)))) }
        if let thresholdCurves { members.append(.init("threshold_curves", thresholdCurves.json)) }
        if !mistakes.isEmpty { members.append(.init("mistakes", .array(mistakes.map(\.json)))) }
        members.append(.init("layout", layout))
        members.append(.init("notes", .array(notes.map { .string($0) })))
        members.append(.init("provenance", .object(provenance)))
        return .object(members)
    }

    /// The columns that occur among the classes.
    private var classColumns: [ClassColumn] {
        let keys = Set(classes.flatMap { $0.members.map(\.key) })
        return ClassColumn.table.filter { keys.contains($0.key) }
    }

    /// Titles, kinds of numbers and order: how a page or a table shows the values.
    private var layout: ReportJSON {
        func strings(_ pairs: [(String, String)]) -> [ReportJSON.Member] {
            pairs.map { .init($0.0, .string($0.1)) }
        }
        return .object([
            .init("columns", .array(columns.map { .string($0) })),
            .init(
                "headlines",
                .array(
                    headlines.map { headline in
                        var members = strings([
                            ("title", headline.title), ("section", headline.section), ("row", headline.row),
                        ])
                        if let column = headline.column { members.append(.init("column", .string(column))) }
                        return .object(members)
                    })),
            .init(
                "sections",
                .array(
                    sections.map { section in
                        .object(
                            strings([("name", section.name), ("title", section.title)]) + [
                                .init(
                                    "rows",
                                    .array(
                                        section.rows.map { row in
                                            .object(
                                                strings([("name", row.name), ("title", row.title)])
                                                    + [.init("share", .bool(row.isShare))])
                                        }))
                            ])
                    })),
            .init(
                "classes",
                .array(
                    classColumns.map {
                        .object(strings([("key", $0.key), ("title", $0.title)]) + [.init("share", .bool($0.isShare))])
                    })),
        ])
    }

    /// Section → row → value; rows without one and sections without rows are left out.
    private func bySection(_ value: (Row) -> ReportJSON?) -> ReportJSON {
        .object(
            sections.compactMap { section in
                let rows = section.rows.compactMap { row in value(row).map { ReportJSON.Member(row.name, $0) } }
                return rows.isEmpty ? nil : .init(section.name, .object(rows))
            })
    }

    private func byColumn(_ values: [ReportJSON]) -> ReportJSON {
        .object(zip(columns, values).map { .init($0, $1) })
    }

    private static func insert(
        _ value: ReportJSON, at path: ArraySlice<String>, into members: inout [ReportJSON.Member]
    ) {
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
}

extension Report.Interval {
    var json: ReportJSON { .array([.number(lower), .number(upper)]) }
}
