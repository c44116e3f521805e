// SchemaTests: the operator table against ONNX's own schemas (Fixtures/schemas.txt, by Utilities/fixtures/schemas.py):
// every operator of opset 7 to 25 in every version, with its numbers of inputs and outputs and input 0's element types.

import Foundation
import LTCore
import LTRuntime
import Testing

@Suite struct SchemaTests {
    struct Version {
        var name: String
        var since: Int
        var end = 25
        var inputs, outputs: ClosedRange<Int>
        var types: Set<String>
        var isDeprecated: Bool
    }

    /// Operators that take fewer types, and why.
    static let exceptions = ["Col2Im": "sums what overlaps; ONNX gives bools, strings and complex numbers no sum"]

    /// The versions of all operators, each with the last opset that it holds for.
    static func versions() throws -> [Version] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "Fixtures/schemas.txt")
        var versions: [Version] = []
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ").map(String.init)
            let bounds = words[2..<6].map { Int($0) ?? .max }
            let version = Version(
                name: words[0], since: try #require(Int(words[1])), inputs: bounds[0]...bounds[1],
                outputs: bounds[2]...bounds[3],
                types: words[6] == "-" ? [] : Set(words[6].split(separator: ",").map(String.init)),
                isDeprecated: words.count > 7)
            if let last = versions.last, last.name == version.name {
                versions[versions.count - 1].end = version.since - 1
            }
            versions.append(version)
        }
        return versions.filter { !$0.isDeprecated && $0.end >= 7 }
    }

    @Test func everyOperatorOfTheStandard() throws {
        var table: [String: OperatorSchema] = [:]
        for type in OperatorTable.all where type.schema.domain.isEmpty { table[type.schema.name] = type.schema }
        let versions = try Self.versions()
        for version in versions { check(version, table[version.name]) }
        #expect(versions.count > 300)
    }

    private func check(_ version: Version, _ schema: OperatorSchema?) {
        let text = Comment(rawValue: "\(version.name), opset \(version.since)")
        guard let schema else {
            Issue.record(text)
            return
        }
        let opsets = max(7, version.since)...version.end
        #expect(opsets.allSatisfy { schema.opsets.contains($0) }, text)
        #expect(schema.inputs.lowerBound <= version.inputs.lowerBound, text)
        #expect(schema.inputs.upperBound >= version.inputs.upperBound, text)
        // A node without outputs does nothing.
        #expect(schema.outputs.lowerBound <= max(1, version.outputs.lowerBound), text)
        #expect(schema.outputs.upperBound >= version.outputs.upperBound, text)
        let missing = version.types.subtracting(schema.types.map(\.onnxName)).sorted()
        let reason = Self.exceptions[version.name]
        #expect(missing.isEmpty == (reason == nil), text)
    }
}
