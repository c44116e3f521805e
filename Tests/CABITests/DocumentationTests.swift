// docs/c-api.md against longtail.h: every function and status is explained, nothing is named that is not there, and the
// first program compiles and runs as it is printed.

import Foundation
import Testing

@Suite struct DocumentationTests {
    private static let page = Result { try String(contentsOfFile: Repository.root + "/docs/c-api.md", encoding: .utf8) }
    private static let header = Result {
        try String(contentsOfFile: Repository.currentHeader + "/longtail.h", encoding: .utf8)
    }

    private static func names(_ pattern: Regex<(Substring, Substring)>, in text: String) -> Set<String> {
        Set(text.matches(of: pattern).map { String($0.1) })
    }

    @Test func everyFunctionHasARow() throws {
        let (page, header) = (try Self.page.get(), try Self.header.get())
        let functions = Self.names(#/\b(lt_\w+)\(/#, in: header)
        #expect(functions.count > 25)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
            line.dropFirst(2).split(separator: " | ", maxSplits: 1).first.map(String.init) ?? ""
        }
        let explained = rows.reduce(into: Set<String>()) { $0.formUnion(Self.names(#/\b(lt_\w+)\(/#, in: $1)) }
        #expect(functions.subtracting(explained).isEmpty, "without a row: \(functions.subtracting(explained).sorted())")
    }

    @Test func everyStatusHasItsNumber() throws {
        let (page, header) = (try Self.page.get(), try Self.header.get())
        let start = try #require(header.range(of: "LT_OK = 0"))
        let end = try #require(header.range(of: "};", range: start.upperBound..<header.endIndex))
        let statuses = header[start.lowerBound..<end.lowerBound].matches(of: #/(LT_\w+) = (\d+)/#)
        #expect(statuses.count > 15)
        for status in statuses {
            #expect(page.contains("\n| `\(status.1)` \(status.2) |"), "\(status.1) = \(status.2) is not in the table")
        }
    }

    @Test func nothingIsNamedThatIsNotThere() throws {
        let (page, header) = (try Self.page.get(), try Self.header.get())
        let there = Self.names(#/\b((?:lt|LT)_\w+)/#, in: header)
        // Environment variables.
        let named = Self.names(#/\b((?:lt|LT)_\w+)/#, in: page).subtracting(["LT_ISA", "LT_MAX_TENSOR_BYTES"])
        #expect(named.subtracting(there).isEmpty, "not in longtail.h: \(named.subtracting(there).sorted())")
    }

    @Test func theFirstProgramRuns() throws {
        let page = try Self.page.get()
        let program = try #require(page.firstMatch(of: #/```c\n(#include.*?)```/#.dotMatchesNewlines())?.1)
        let folder = try Scene.folder() + "/quick-start"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(program.utf8).write(to: URL(fileURLWithPath: folder + "/quick_start.c"))
        let host = try Host("quick_start", in: folder)
        let result = try host.run([try Scene.folder() + "/scores.onnx", try Scene.folder() + "/picture.jpg"])
        #expect(result.status == 0 && result.error.isEmpty, "\(result.error)")
        let names = result.output.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) }
        #expect(Set(names) == ["alpha", "beta", "gamma", "delta", "épsilon"])
        #expect(try host.run(["nowhere.onnx", try Scene.folder() + "/picture.jpg"]).error.hasPrefix("io: "))
    }
}
