// The interface only grows: what the first header said still holds, word by word; what the library shows is what the header
// and exports.map list, and what it needs of the system is listed here.

import Foundation
import LTCore
import Testing

/// What a header declares.
private struct Header {
    struct Field: Equatable {
        let declaration: String
        let name: String
    }
    var structs: [String: [Field]] = [:]
    /// Names and values as written.
    var enumerators: [(name: String, value: String)] = []
    /// Prototypes without their semicolon.
    var functions: [String: String] = [:]

    init(_ folder: String) throws {
        var text = try String(contentsOfFile: folder + "/longtail.h", encoding: .utf8)
        text.replace(#/\/\*.*?\*\//#.dotMatchesNewlines(), with: " ")
        text.replace(#/\n#[^\n]*/#, with: "\n")
        text.replace(#/\s+/#, with: " ")
        for match in text.matches(of: #/typedef struct (\w+) \{(.*?)\} \w+ ?;/#) {
            structs[String(match.1)] = match.2.split(separator: ";").flatMap { Self.fields(String($0)) }
        }
        for match in text.matches(of: #/\benum \{(.*?)\}/#) {
            for item in match.1.split(separator: ",") {
                let sides = item.split(separator: "=").map { $0.trimmingCharacters(in: .whitespaces) }
                if sides.count == 2 { enumerators.append((sides[0], sides[1])) }
            }
        }
        text.replace(#/typedef struct \w+ \{.*?\} \w+ ?;/#, with: "")
        for match in text.matches(of: #/(?:^|;|\}|\{)\s*((?:const )?\w+ \*?(lt_\w+)\([^;{}]*\)) ?(?=;)/#) {
            functions[String(match.2)] = String(match.1)
        }
    }

    private static func fields(_ text: String) -> [Field] {
        let text = text.trimmingCharacters(in: .whitespaces)
        if text.isEmpty { return [] }
        if let match = text.firstMatch(of: #/\(\*(\w+)\)/#) {
            return [Field(declaration: text, name: String(match.1))]
        }
        return text.split(separator: ",").compactMap { part in
            part.firstMatch(of: #/(\w+)(\[\w+\])?\s*$/#).map { Field(declaration: text, name: String($0.1)) }
        }
    }

    /// Prints sizes, offsets and values of everything here, whatever header it is compiled with.
    var program: String {
        var lines = ["#include \"longtail.h\"", "#include <stdio.h>", "int main(void) {"]
        for (name, fields) in structs.sorted(by: { $0.key < $1.key }) {
            lines.append("printf(\"\(name) %zu\\n\", sizeof(\(name)));")
            for field in fields {
                let place = "offsetof(\(name), \(field.name)), sizeof(((\(name) *)0)->\(field.name))"
                lines.append("printf(\"\(name).\(field.name) %zu %zu\\n\", \(place));")
            }
        }
        for (name, _) in enumerators { lines.append("printf(\"\(name) %d\\n\", (int)\(name));") }
        lines.append("printf(\"LT_MAX_RANK %d\\n\", LT_MAX_RANK); return 0; }")
        return lines.joined(separator: "\n") + "\n"
    }
}

@Suite struct VersionTests {
    private static let first = Repository.root + "/Tests/ABI/0"

    /// Compiles a program against a header and runs it.
    private func run(_ program: String, header: String, links: Bool = true) throws -> [String] {
        let name = try Scene.folder() + "/layout-\(UUID().uuidString.prefix(8))"
        try Data(program.utf8).write(to: URL(fileURLWithPath: name + ".c"))
        var arguments = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-I", header, name + ".c"]
        arguments += links ? ["-o", name] : ["-fsyntax-only"]
        let compiled = try execute("/usr/bin/gcc", arguments)
        try #require(compiled.status == 0, "\(compiled.error)")
        guard links else { return [] }
        let result = try execute(name, [])
        try #require(result.status == 0)
        return result.output.split(separator: "\n").map(String.init)
    }

    /// A header that hosts were built with does not change any more.
    @Test func theFirstHeaderIsFrozen() throws {
        #expect(try SHA256.digest(ofFile: Self.first + "/longtail.h") == Self.frozen)
    }

    private static let frozen = "490effe6a86055012fba5c64bd164c7a567bb868d274f95806828cde91266b43"

    @Test func structsAndEnumsOnlyGrow() throws {
        let (old, new) = (try Header(Self.first), try Header(Repository.currentHeader))
        #expect(old.structs.count >= 14 && old.enumerators.count >= 30 && old.functions.count >= 31)
        #expect(old.structs["lt_detection"]?.count == 16 && old.structs["lt_allocator"]?.count == 4)
        let then = try run(old.program, header: Self.first)
        let now = try run(old.program, header: Repository.currentHeader)
        #expect(then.count == now.count && then.count > 100)
        func numbers(_ lines: [String]) -> [String: [Int]] {
            var all: [String: [Int]] = [:]
            for line in lines {
                let words = line.split(separator: " ")
                all[String(words[0])] = words.dropFirst().compactMap { Int($0) }
            }
            return all
        }
        let (oldNumbers, newNumbers) = (numbers(then), numbers(now))
        for (name, value) in oldNumbers {
            if old.structs[name] == nil {
                #expect(newNumbers[name] == value, "\(name)")
            } else {
                #expect((newNumbers[name]?.first ?? 0) >= value[0], "\(name)")
            }
        }
        // New fields lie behind the old struct, its padding included: there old hosts have anything.
        let all = numbers(try run(new.program, header: Repository.currentHeader))
        for (name, fields) in old.structs {
            let current = try #require(new.structs[name], "\(name)")
            #expect(Array(current.prefix(fields.count)) == fields, "\(name)")
            for field in current.dropFirst(fields.count) {
                #expect((all["\(name).\(field.name)"]?.first ?? 0) >= (oldNumbers[name]?.first ?? .max), "\(field)")
            }
        }
        // The numbers of the header are what its enums say.
        for (name, value) in new.enumerators { #expect(all[name] == [Int(value) ?? -99], "\(name)") }
    }

    /// The compiler refuses two declarations of a function that differ.
    @Test func functionsAreDeclaredAsInTheFirstHeader() throws {
        let old = try Header(Self.first)
        let prototypes = old.functions.values.sorted().map { $0 + ";" }.joined(separator: "\n")
        _ = try run("#include \"longtail.h\"\n\(prototypes)\n", header: Repository.currentHeader, links: false)
        #expect(throws: (any Error).self) {
            let wrong = "#include \"longtail.h\"\nint64_t lt_abi_version(void);\n"
            let name = try Scene.folder() + "/wrong.c"
            try Data(wrong.utf8).write(to: URL(fileURLWithPath: name))
            let result = try execute("/usr/bin/gcc", ["-I", Repository.currentHeader, "-fsyntax-only", name])
            if result.status != 0 { throw CocoaError(.featureUnsupported) }
        }
    }

    @Test func theLibraryShowsTheFunctionsOfTheHeaderAndNothingElse() throws {
        let symbols = try execute("/usr/bin/nm", ["-D", "--defined-only", "--extern-only", Repository.library])
        try #require(symbols.status == 0, "\(symbols.error)")
        var nodes: [String: String] = [:]
        for line in symbols.output.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, words[1] != "A" else { continue }
            let parts = words[2].split(separator: "@", omittingEmptySubsequences: true)
            #expect(words[1] == "T" && parts.count == 2, "\(line)")
            nodes[String(parts[0])] = parts.count == 2 ? String(parts[1]) : ""
        }
        let header = try Header(Repository.currentHeader)
        #expect(Set(nodes.keys) == Set(header.functions.keys))
        // Hosts of the first header were linked to this node.
        for name in try Header(Self.first).functions.keys { #expect(nodes[name] == "LONGTAIL_0", "\(name)") }
        let map = try String(contentsOfFile: Repository.root + "/Sources/LongTailLink/exports.map", encoding: .utf8)
            .replacing(#/#[^\n]*/#, with: "")
        let listed = map.matches(of: #/\b(lt_\w+);/#).map { String($0.1) }
        #expect(listed.count == nodes.count && Set(listed) == Set(nodes.keys))
    }

    @Test func theLibraryIsLinkedAsItSays() throws {
        let dynamic = try execute("/usr/bin/readelf", ["-dW", Repository.library])
        try #require(dynamic.status == 0, "\(dynamic.error)")
        let sections = try execute("/usr/bin/readelf", ["-SW", Repository.library]).output
        func values(_ tag: String) -> [String] {
            dynamic.output.split(separator: "\n").filter { $0.contains("(\(tag))") }
                .compactMap { $0.firstMatch(of: #/\[(.*)\]/#).map { String($0.1) } }
        }
        #expect(values("SONAME") == ["liblongtail.so.0"])
        #expect(!dynamic.output.contains("TEXTREL"))
        #expect(dynamic.output.contains("NODELETE"))
        let needed = Set(values("NEEDED"))
        #expect(needed.subtracting(Self.expectedLibraries) == [])
        #expect(needed.isSuperset(of: ["libdnnl.so.2", "libgomp.so.1", "libc.so.6"]))
        // Swift's runtime is inside.
        #expect(needed.allSatisfy { !$0.contains("swift") && !$0.contains("Foundation") && !$0.contains("icu") })
        #expect(sections.contains("swift5_"))
        for tag in ["RPATH", "RUNPATH"] {
            #expect(values(tag).allSatisfy { $0.split(separator: ":").allSatisfy { $0 == "$ORIGIN" } })
        }
    }

    /// Debian's libraries that LongTail's modules stand on, and the C and C++ runtimes.
    private static let expectedLibraries: Set<String> = [
        "libonnx.so.1", "libonnx_proto.so.1", "libprotobuf.so.32", "libdnnl.so.2", "libturbojpeg.so.0",
        "libspng.so.0", "libwebp.so.7", "libwebpdemux.so.2", "libgomp.so.1", "libstdc++.so.6", "libgcc_s.so.1",
        "libm.so.6", "libc.so.6",
        "ld-linux-x86-64.so.2",
    ]
}
