// The report as text: tables with one column per frequency group, shares as percent, intervals in brackets.

extension Report {
    /// The headlines as a table, then the notes.
    public var text: String {
        var shown: Set<[String]> = []
        let rows = headlines.compactMap { headline -> Row? in
            guard var row = row(headline.section, headline.row),
                shown.insert([headline.section, headline.row]).inserted
            else { return nil }
            row.title = headline.title
            return row
        }
        let groups = zip(columns, columnClasses).map { "\($1) \($0)" }.dropLast().joined(separator: ", ")
        var lines = [
            "\(images) images, \(columnClasses.last ?? 0) classes"
                + (groups.isEmpty ? "" : " (\(groupRule): \(groups))")
        ]
        lines += table(rows)
        if let resampling {
            let percent = "\((resampling.level * 1000).rounded() / 10)"
            lines.append(
                "[ ]: \(percent.hasSuffix(".0") ? String(percent.dropLast(2)) : percent)% interval, \(resampling.method)"
            )
        }
        lines += notes.map { "note: \($0)" }
        return lines.joined(separator: "\n")
    }

    /// Every section as a table.
    public var fullText: String {
        sections.map { ([$0.title] + table($0.rows)).joined(separator: "\n") }.joined(separator: "\n\n")
    }

    /// What is said of each class as a table, a line per class. Lists and objects are left to the JSON.
    public var classText: String {
        var keys: [String] = []
        for case .object(let members) in classes {
            for member in members where !keys.contains(member.key) {
                switch member.value {
                case .array, .object: break
                default: keys.append(member.key)
                }
            }
        }
        let known = ClassColumn.table.filter { keys.contains($0.key) }
        let columns =
            known + keys.filter { key in !known.contains { $0.key == key } }.map { ClassColumn($0, $0, isShare: false) }
        var lines = [columns.map(\.title)]
        for values in classes {
            lines.append(
                columns.map { column in
                    switch values[column.key] {
                    case .string(let text)?: text
                    case .int(let value)?: String(value)
                    case let value?: Self.cell(value.double, isShare: column.isShare)
                    case nil: "-"
                    }
                })
        }
        let widths = columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            line.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - line[column].count)
                // Words to the left, numbers to the right.
                return ["name", "group"].contains(columns[column].key) ? line[column] + space : space + line[column]
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    private func table(_ rows: [Row]) -> [String] {
        let cells = rows.map { row in
            row.values.enumerated().map { column, value in
                let interval = row.intervals.indices.contains(column) ? row.intervals[column] : nil
                return Self.cell(value, interval, isShare: row.isShare)
            }
        }
        let titleWidth = rows.map(\.title.count).max() ?? 0
        // Columns without intervals keep their common width.
        let common = max(9, (columns.map(\.count).max() ?? 0) + 2)
        let widths = columns.indices.map { column in
            max(common, (cells.compactMap { $0.indices.contains(column) ? $0[column].count : nil }.max() ?? 0) + 2)
        }
        func padded(_ text: String, _ column: Int) -> String {
            String(repeating: " ", count: max(0, widths[column] - text.count)) + text
        }
        func line(_ cells: [String]) -> String {
            zip(cells, columns.indices).map { padded($0, $1) }.joined()
        }
        return [String(repeating: " ", count: titleWidth) + line(columns)]
            + zip(rows, cells).map { row, cells in
                row.title + String(repeating: " ", count: titleWidth - row.title.count) + line(cells)
            }
    }

    /// "12.30 [10.10, 14.60]".
    static func cell(_ value: Double?, _ interval: Interval?, isShare: Bool) -> String {
        let value = cell(value, isShare: isShare)
        guard let interval else { return value }
        return "\(value) [\(cell(interval.lower, isShare: isShare)), \(cell(interval.upper, isShare: isShare))]"
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
