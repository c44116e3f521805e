// The main values of several reports as text, one column per run.

extension HTMLPage {
    /// A table: one line per main value and column, one column per run, with the difference from the first run.
    static func text(_ runs: [Run]) -> String {
        struct Line {
            var title: String
            var values: [Double?]
            var isShare: Bool
        }
        var lines: [Line] = []
        guard let first = runs.first else { return "" }
        var seen: Set<[String]> = []
        for headline in first.report["layout"]?["headlines"]?.elements ?? [] {
            guard let section = headline["section"]?.string, let row = headline["row"]?.string,
                let title = headline["title"]?.string, seen.insert([section, row]).inserted
            else { continue }
            let rows = first.report["layout"]?["sections"]?.elements.first { $0["name"]?.string == section }?["rows"]
            let isShare = rows?.elements.first { $0["name"]?.string == row }?["share"] == .bool(true)
            for member in first.report["metrics"]?[section]?[row]?.members ?? [] {
                let values = runs.map { $0.report["metrics"]?[section]?[row]?[member.key]?.double }
                guard values.contains(where: { $0 != nil }) else { continue }
                lines.append(Line(title: "\(title), \(member.key)", values: values, isShare: isShare))
            }
        }
        var table = [[""] + runs.map(\.name)]
        for line in lines {
            table.append(
                [line.title]
                    + line.values.enumerated().map { position, value in
                        let cell = Report.cell(value, isShare: line.isShare)
                        guard position > 0, let value, let base = line.values[0] else { return cell }
                        let change = Report.cell(value - base, isShare: line.isShare)
                        return "\(cell) (\(change.hasPrefix("-") ? "" : "+")\(change))"
                    })
        }
        let widths = table[0].indices.map { column in table.map { $0[column].count }.max() ?? 0 }
        return table.map { cells in
            cells.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + space : "  " + space + cell
            }.joined()
        }.joined(separator: "\n")
    }
}
