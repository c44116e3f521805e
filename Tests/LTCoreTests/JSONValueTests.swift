// JSONValue against Foundation's coders on the same values and texts, and base64 against Foundation's.

import Foundation
import LTCore
import Testing

private struct Sample: Codable, Equatable {
    struct Inner: Codable, Equatable { var name: String, weight: Float?, flags: [Bool] }
    enum Kind: String, Codable { case one, two }
    var count: Int
    var seed: UInt64
    var small: Int8
    var ratio: Double
    var text: String
    var kind: Kind
    var inner: [Inner]
    var table: [String: [Double]]
    var holes: [Float?]
    var nested: [[Int]]
    var missing: String?
}

private let sample = Sample(
    count: -3, seed: .max, small: -128, ratio: 0.1, text: "a\"b\\c/d\n\t\u{1}é😀\u{7F}", kind: .two,
    inner: [.init(name: "", weight: 1e-7, flags: [true, false]), .init(name: "x", weight: nil, flags: [])],
    table: ["β": [1, 0.25, 1e300, -0.0], "a": []], holes: [nil, 3.5], nested: [[], [1, 2], [3]], missing: nil)

@Suite struct JSONValueTests {
    private static func foundation(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    @Test func writesWhatFoundationWrites() throws {
        #expect(try JSONValue(encoding: sample).text == Self.foundation(sample))
        let numbers: [Double] = [0, 1, -1, 0.5, 1e16, 123_456_789.125, 5e-324, .pi, 1 / 3, 1e21, 100]
        #expect(try JSONValue(encoding: numbers).text == Self.foundation(numbers))
        let floats: [Float] = [0.1, 1, 16_777_216, 1e-45, .pi, 1e30]
        #expect(try JSONValue(encoding: floats).text == Self.foundation(floats))
        #expect(throws: EncodingError.self) { try JSONValue(encoding: [Double.nan]) }
    }

    @Test func readsWhatItAndFoundationWrote() throws {
        let back: Sample = try JSONValue(JSONValue(encoding: sample).text).decode()
        #expect(back == sample)
        let other: Sample = try JSONValue(Self.foundation(sample)).decode()
        #expect(other == sample)
        #expect(try JSONDecoder().decode(Sample.self, from: Data(JSONValue(encoding: sample).text.utf8)) == sample)
    }

    @Test func wholeNumbersMayHaveAPoint() throws {
        let numbers: [Int] = try JSONValue("[3.0, 1e2, -0]").decode()
        #expect(numbers == [3, 100, 0])
        #expect(throws: DecodingError.self) { try JSONValue("[3.5]").decode([Int].self) }
        #expect(throws: DecodingError.self) { try JSONValue("[300]").decode([UInt8].self) }
        #expect(throws: (any Error).self) { try JSONValue("[1e999]").decode([Double].self) }
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":1,\"a\":2}", "[01]", "nul", "[1] 2", "\"\\x\"", String(repeating: "[", count: 9999),
    ])
    func refuses(_ text: String) { #expect(throws: LTError.self) { try JSONValue(text) } }

    @Test func errorsNameThePlace() throws {
        let text = "{\"name\":\"x\",\"weight\":1,\"flags\":[true,7]}"
        let error = #expect(throws: DecodingError.self) { try JSONValue(text).decode(Sample.Inner.self) }
        guard case .typeMismatch(_, let context)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(context.codingPath.map(\.stringValue) == ["flags", "Index 1"])
        #expect(throws: DecodingError.self) { try JSONValue("{\"name\":\"x\"}").decode(Sample.Inner.self) }
        #expect(throws: DecodingError.self) { try JSONValue("{\"name\":null,\"flags\":[]}").decode(Sample.Inner.self) }
    }

    @Test func base64IsFoundations() throws {
        var generator = SeededGenerator(seed: 3)
        for count in 0..<70 {
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            let text = Base64(bytes).text
            #expect(text == Data(bytes).base64EncodedString())
            #expect(Base64(text: text)?.bytes == bytes)
        }
        for text in ["A", "AA=", "====", "A===", "AA=A", "AA==AAAA", "A\u{80}AA", "AA A"] {
            #expect(Base64(text: text) == nil)
        }
        #expect(throws: DecodingError.self) { try JSONValue("\"A\"").decode(Base64.self) }
    }
}
