// Holds the `import` lines under Sources to the module table of docs/architecture.md §2.

import Foundation
import Testing

@Suite struct ImportTableTests {
    struct Row {
        let layer: Int
        let mayImport: Set<String>
        let foundation: String
    }

    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    /// What the toolchain brings everywhere.
    static let system: Set<String> = ["Glibc", "Musl", "Synchronization", "Dispatch", "Swift"]

    static func table() throws -> [String: Row] {
        let text = try String(contentsOf: root.appendingPathComponent("docs/architecture.md"), encoding: .utf8)
        var rows: [String: Row] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("| ") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .dropFirst().map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count >= 5, let layer = Int(cells[0]) else { continue }
            let names = cells[2].split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            rows[cells[1]] = Row(layer: layer, mayImport: Set(names), foundation: cells[3])
        }
        return rows
    }

    static func swiftFiles(of module: String) throws -> [URL] {
        let folder = root.appendingPathComponent("Sources/\(module)")
        guard let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else { return [] }
        return files.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
    }

    static func imports(of file: URL) throws -> [String] {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap { line in
            var words = line.split(separator: " ").map(String.init)
            while let first = words.first, first.hasPrefix("@") || ["public", "internal", "package"].contains(first) {
                words.removeFirst()
            }
            guard words.first == "import", words.count >= 2 else { return nil }
            let kinds: Set<String> = ["struct", "class", "enum", "protocol", "func", "typealias", "let", "var"]
            let name = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
            return name.split(separator: ".").first.map(String.init)
        }
    }

    @Test func tableListsEveryModule() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.root.path + "/Sources")
            .filter { !$0.hasPrefix(".") }
        #expect(Set(folders) == Set(try Self.table().keys))
    }

    @Test func sourcesImportOnlyWhatTheTableAllows() throws {
        let table = try Self.table()
        var checked = 0
        for (module, row) in table {
            for file in try Self.swiftFiles(of: module) {
                for name in try Self.imports(of: file) where !Self.system.contains(name) {
                    checked += 1
                    let allowed =
                        switch name {
                        case "Foundation": row.foundation == "full"
                        case "FoundationEssentials": row.foundation != "no"
                        default: row.mayImport.contains(name)
                        }
                    #expect(allowed, "\(file.lastPathComponent) of \(module) imports \(name)")
                }
            }
        }
        #expect(checked > 300)
    }

    @Test func arrowsPointDown() throws {
        let table = try Self.table()
        for (module, row) in table {
            for name in row.mayImport {
                guard let other = table[name] else { continue }
                #expect(
                    other.layer < row.layer, "\(module) (layer \(row.layer)) imports \(name) (layer \(other.layer))")
            }
        }
    }
}
