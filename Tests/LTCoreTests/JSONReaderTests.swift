// JSONReader: values, errors with byte offsets, limits.

import LTCore
import Testing

private func parse<T>(_ text: String, _ body: (inout JSONReader) throws(LTError) -> T) throws(LTError) -> T {
    var result: Result<T, LTError>?
    Array(text.utf8).withUnsafeBytes { raw in
        do throws(LTError) {
            var reader = JSONReader(raw)
            let value = try body(&reader)
            try reader.end()
            result = .success(value)
        } catch {
            result = .failure(error)
        }
    }
    guard let result else { throw LTError(.malformed, "not read") }
    return try result.get()
}

private func skip(_ text: String) throws(LTError) { try parse(text) { reader throws(LTError) in try reader.skip() } }

@Suite struct JSONReaderTests {
    @Test func readsMembersInOrder() throws {
        var keys: [String] = []
        var numbers: [Double] = []
        try parse(#"{"a": [1, -2.5e1, 0.1], "b" : {"c":null}, "": [ ] , "d":true}"#) { reader throws(LTError) in
            try reader.object { reader, key throws(LTError) in
                keys.append(key)
                if key == "a" {
                    try reader.array { reader throws(LTError) in numbers.append(try reader.double()) }
                } else {
                    try reader.skip()
                }
            }
        }
        #expect(keys == ["a", "b", "", "d"])
        #expect(numbers == [1, -25, 0.1])
    }

    @Test(arguments: [
        "0", "-0", "1", "12345678901234567890", "0.1", "1e22", "1e23", "123456789.123456789", "4.9e-324", "1e-400",
        "2.2250738585072011e-308", "9007199254740993", "0.30000000000000004", "1.7976931348623157e308", "100.00",
        "3E+2",
        "0.000001", "7205759403792793.5", "9223372036854775807", "5e-1",
    ])
    func roundsNumbersAsTheStandardLibraryDoes(_ text: String) throws {
        let expected = try #require(Double(text))
        #expect(try parse(text) { reader throws(LTError) in try reader.double() }.bitPattern == expected.bitPattern)
    }

    @Test func readsWholeNumbers() throws {
        #expect(try parse("9223372036854775807") { reader throws(LTError) in try reader.int() } == .max)
        #expect(try parse("3.0") { reader throws(LTError) in try reader.int() } == 3)
        for text in ["3.5", "1e30", "9223372036854775808", "\"3\""] {
            #expect(throws: LTError.self) { try parse(text) { reader throws(LTError) in try reader.int() } }
        }
    }

    @Test func readsStrings() throws {
        let text = #""tab\t \"q\" \u00e9 \ud83d\ude00 \/ ä""#
        #expect(try parse(text) { reader throws(LTError) in try reader.string() } == "tab\t \"q\" é 😀 / ä")
    }

    @Test(arguments: [
        ("", 0), ("[1,]", 3), ("[1 2]", 3), ("{\"a\" 1}", 5), ("{\"a\":}", 5), ("{a:1}", 1), ("[", 1), ("nul", 0),
        ("[1]]", 3), ("\"a", 0), ("[\"\u{1}\"]", 2), ("01", 0), ("[1.]", 1), ("-", 0), ("[1e]", 1), ("NaN", 0),
        ("{\"a\":1,}", 7),
    ])
    func namesTheByte(_ text: String, _ offset: Int) {
        let error = #expect(throws: LTError.self) { try skip(text) }
        #expect(error?.code == .malformed)
        #expect(error?.message.hasSuffix("at byte \(offset)") == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [#""\x""#, #""\u12""#, #""\ud83d""#, #""\ud83d\u0041""#, #""\udc00""#, "1e999"])
    func refuses(_ text: String) {
        #expect(throws: LTError.self) { try parse(text) { reader throws(LTError) in try reader.string() } }
        #expect(throws: LTError.self) { try parse(text) { reader throws(LTError) in try reader.double() } }
    }

    @Test func limitsNesting() throws {
        try skip(String(repeating: "[", count: 200) + String(repeating: "]", count: 200))
        #expect(throws: LTError.self) { try skip(String(repeating: "[", count: 1_000_000)) }
    }
}
