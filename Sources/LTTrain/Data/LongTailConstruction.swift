// LongTailConstruction: `lt-train longtail` as a value: a data section's set before and after its `longtail` part, the counts
// as text and JSON, and the selection as files that the `ids` of a recipe, and the papers' own tools, read.

import Foundation
import LTCore
import LTData
import LTDecision

/// A set, its long-tailed part, and what there is to say about both.
public struct LongTailConstruction {
    public let before: Dataset
    /// The set itself when the section asks for no part of it.
    public let after: Dataset
    public let hasSelection: Bool
    public let groups: FrequencyGroups
    private let format: String
    private let settings: String

    /// Reads the data.
    /// - Parameters:
    ///   - recipe: a recipe whose `train` section is meant; nil: the settings say everything.
    ///   - settings: `key=value` of that section; a dot leads into its parts (`longtail.factor=0.01`).
    ///   - groups: name of the rule that groups classes; nil: the recipe's, else head, middle, tail.
    /// - Throws: what the recipe, the reader and the selection throw.
    public init(recipe: String?, settings: [String], groups: String? = nil) throws(LTError) {
        let yaml = try recipe.map { path throws(LTError) in String(decoding: try readFile(path), as: UTF8.self) }
        let place = recipe.map { "recipe \($0)" } ?? "settings \(settings.joined(separator: " "))"
        (before, after, hasSelection, self.groups, format, self.settings) = try within(place) { () throws(LTError) in
            let root = try RecipeSection(yaml: yaml ?? "train: {}", overrides: settings.map { "train.\($0)" })
            let section = try root.required("train", root.section("train"))
            var rule = try root.string("groups")
            if let groups { rule = groups }
            let source = try DataSource(section)
            let whole = try source.readWhole()
            let kinds = try rule.map { name throws(LTError) in try FrequencyGroups(named: name) } ?? .db
            return (
                whole, try source.longTail?.apply(to: whole) ?? whole, source.longTail != nil,
                kinds, source.format.name,
                section.canonicalText(without: [])
            )
        }
    }

    /// One class: its images before and after.
    private struct Row: Encodable {
        let id: Int
        let name: String
        let before: Int
        let after: Int
        let group: String?
    }

    private var rows: [Row] {
        let counts = zip(before.imageCounts, after.imageCounts)
        return zip(before.categories, counts).map { category, count in
            Row(
                id: category.id, name: category.name, before: count.0, after: count.1,
                group: groups.name(ofCount: count.1))
        }
    }

    /// Largest class divided by the smallest that has images.
    private static func imbalance(_ counts: [Int]) -> Double? {
        guard let largest = counts.max(), let least = counts.filter({ $0 > 0 }).min() else { return nil }
        return Double(largest) / Double(least)
    }

    /// The counts for people: totals, groups, and with `classes` one line for each class.
    public func text(classes: Bool = true) -> String {
        let rows = rows
        let (old, new) = (rows.map(\.before), rows.map(\.after))
        func ratio(_ counts: [Int]) -> String {
            Self.imbalance(counts).map { String(format: $0 < 10 ? "%.2f" : "%.1f", $0) } ?? "-"
        }
        var table = [["", "before", "after"]]
        table.append(["images", "\(before.images.count)", "\(after.images.count)"])
        table.append(["labels", "\(old.reduce(0, +))", "\(new.reduce(0, +))"])
        table.append(["classes", "\(old.count)", "\(new.count { $0 > 0 })"])
        table.append(["largest class", "\(old.max() ?? 0)", "\(new.max() ?? 0)"])
        table.append(["smallest class", "\(old.min() ?? 0)", "\(new.min() ?? 0)"])
        table.append(["imbalance ratio", ratio(old), ratio(new)])
        for group in groups.groups {
            let members = (old.count { group.contains($0) }, new.count { group.contains($0) })
            let bounds = [group.minimum.map { "≥ \($0)" }, group.maximum.map { "≤ \($0)" }].compactMap { $0 }
            table.append([
                "\(group.name) classes (\(bounds.joined(separator: ", ")))", "\(members.0)", "\(members.1)",
            ])
        }
        var text = Self.aligned(table)
        if classes {
            let lines = rows.map { ["\($0.name)", "\($0.before)", "\($0.after)", $0.group ?? ""] }
            text += "\n" + Self.aligned([["class", "before", "after", "group"]] + lines)
        }
        return text
    }

    /// Columns padded to their width; numbers (all but the first and fourth) to the right.
    private static func aligned(_ table: [[String]]) -> String {
        let widths = (table.first ?? []).indices.map { column in table.map { $0[column].count }.max() ?? 0 }
        return table.map { row in
            let cells = row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return column == 1 || column == 2 ? padding + cell : cell + padding
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    private struct Counts: Encodable {
        struct Pair<Value: Encodable>: Encodable {
            let before: Value
            let after: Value
        }
        struct Group: Encodable {
            let name: String
            let min: Int?
            let max: Int?
            let classes: Pair<Int>
            /// Ids of the classes that are in it afterwards.
            let members: [Int]
        }
        let settings: String
        let source: String
        let source_sha256: String?
        let images: Pair<Int>
        let labels: Pair<Int>
        let imbalance_ratio: Pair<Double?>
        let group_rule: String
        let groups: [Group]
        let classes: [Row]
    }

    /// The counts as JSON.
    public func json() throws(LTError) -> [UInt8] {
        let rows = rows
        let (old, new) = (rows.map(\.before), rows.map(\.after))
        let counts = Counts(
            settings: settings, source: before.source, source_sha256: before.digest,
            images: .init(before: before.images.count, after: after.images.count),
            labels: .init(before: old.reduce(0, +), after: new.reduce(0, +)),
            imbalance_ratio: .init(before: Self.imbalance(old), after: Self.imbalance(new)), group_rule: groups.rule,
            groups: groups.groups.map { group in
                Counts.Group(
                    name: group.name, min: group.minimum, max: group.maximum,
                    classes: .init(before: old.count { group.contains($0) }, after: new.count { group.contains($0) }),
                    members: rows.filter { group.contains($0.after) }.map(\.id))
            }, classes: rows)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do { return Array(try encoder.encode(counts)) + [0x0A] } catch {
            throw LTError(.library, "counts do not encode: \(error)")
        }
    }

    /// Writes the selection into a folder: `img_id.txt` (what a recipe's `ids` reads), `indices.txt` (positions in the
    /// reader's order), `counts.json`, and for sets whose images may have several classes `class_freq.pkl` and
    /// `class_split.pkl`; for COCO's also `img_id.pkl`, which is that project's name of the text list.
    /// - Returns: the files.
    /// - Throws: `conflict` when one of them is there already; `io`.
    public func write(to folder: String) throws(LTError) -> [String] {
        guard hasSelection else {
            throw LTError(
                .invalidArgument, "nothing is selected: the settings have no part 'longtail'",
                hint: "for example longtail.profile=exponential longtail.factor=0.01")
        }
        let isNumbered = before.archive != nil || !before.annotations.isEmpty
        let names = after.names(format.hasPrefix("voc") ? .stems : isNumbered ? .numbers : .paths)
        func lines(_ lines: [String]) -> [UInt8] { Array(lines.joined(separator: "\n").utf8) + [0x0A] }
        let positions = try before.positions(of: after).map { String($0) }
        var files: [(name: String, bytes: [UInt8])] = [
            ("img_id.txt", lines(names)), ("indices.txt", lines(positions)), ("counts.json", try json()),
        ]
        let elements = after.images.count.multipliedReportingOverflow(by: after.categories.count)
        let isMultiLabel = !before.annotations.isEmpty || format.hasPrefix("voc") || !before.isSingleLabel
        if isMultiLabel, !elements.overflow, elements.partialValue <= 1 << 26 {
            files.append(("class_freq.pkl", after.classFrequencyPickle))
            files.append(("class_split.pkl", after.classSplitPickle))
        }
        if format.hasPrefix("coco") { files.append(("img_id.pkl", lines(names))) }
        let manager = FileManager.default
        if let old = files.first(where: { manager.fileExists(atPath: "\(folder)/\($0.name)") }) {
            throw LTError(
                .conflict, "\(folder)/\(old.name) is there already", hint: "choose another folder, or remove the file")
        }
        do { try manager.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw LTError(.io, "cannot make folder \(folder): \(error.localizedDescription)")
        }
        for file in files {
            try within("file \(folder)/\(file.name)") { () throws(LTError) in
                try replaceFile("\(folder)/\(file.name)", with: file.bytes)
            }
        }
        return files.map { "\(folder)/\($0.name)" }
    }
}
