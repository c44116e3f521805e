// XML: elements and text, what is refused, damaged texts.

import LTCore
import Testing

/// Elements and texts as one line: name(…), texts of elements without children as they are.
private func outline(_ text: String) throws(LTError) -> String {
    try outline(Array(text.utf8))
}

private func outline(_ bytes: [UInt8]) throws(LTError) -> String {
    var result: Result<String, LTError> = .failure(LTError(.malformed, "not read"))
    bytes.withUnsafeBytes { raw in
        do throws(LTError) {
            var parts: [String] = []
            var reader = XMLReader(raw)
            try reader.document(root: "r") { reader, name throws(LTError) in
                switch name {
                case "t": parts.append("t=\(try reader.text())")
                case "n": parts.append("n=\(try reader.number())")
                case "l":
                    try reader.children { reader, name throws(LTError) in parts.append("\(name)=\(try reader.text())") }
                default: try reader.skip()
                }
            }
            result = .success(parts.joined(separator: ","))
        } catch { result = .failure(error) }
    }
    return try result.get()
}

@Suite struct XMLReaderTests {
    @Test(arguments: [
        ("<r/>", ""), ("<?xml version=\"1.0\"?>\n<!-- x --><!DOCTYPE r>\n<r a='1' b = \">\"></r >\n<!-- -->", ""),
        ("<r><t> a b </t><t/><n>1.5</n></r>", "t=a b,t=,n=1.5"),
        ("<r>text<l><a>1</a> <!-- <a> --> <b>2</b></l><x><t>no</t><y/></x></r>", "a=1,b=2"),
        ("<r><t>&lt;&amp;&#65;&#x42;&quot;</t><t><![CDATA[<a>&]]></t></r>", "t=<&AB\",t=<a>&"),
        ("\u{FEFF}<r><t>caf\u{e9}</t></r>", "t=caf\u{e9}"),
    ])
    func reads(_ text: String, _ expected: String) throws {
        #expect(try outline(text) == expected)
    }

    @Test(arguments: [
        ("", "without a root"), ("<a/>", "expected <r>"), ("<r>", "ends inside"),
        ("<r></s>", "another element than <r>"),
        ("<r/><r/>", "goes on"), ("<r><t><x/></t></r>", "where text is expected"),
        ("<r><n>x</n></r>", "'x' where a number"),
        ("<r><n>inf</n></r>", "'inf'"), ("<r a></r>", "without '='"), ("<r a=1></r>", "without quotes"),
        ("<r a='></r>", "attribute without end"), ("<r><t>&nbsp;</t></r>", "unknown entity"),
        ("<r><t>a & b</t></r>", "bare '&'"),
        ("<r><!-- </r>", "comment without end"), ("<r><![CDATA[ </r>", "CDATA without end"),
        ("<r>< t/></r>", "bad name"),
        ("<!DOCTYPE r [<!ENTITY a \"b\">]><r><t>&a;</t></r>", "definitions in its document type"),
        ("<!DOCTYPE r SYSTEM 'file:///etc/passwd' [ ]><r/>", "definitions"),
        ("<r><t>&#xD800;</t></r>", "unknown entity"),
    ])
    func refuses(_ text: String, _ message: String) {
        let error = #expect(throws: LTError.self) { try outline(text) }
        #expect(error?.message.contains(message) == true, "\(error?.description ?? "none")")
    }

    @Test func nestingIsBounded() {
        let deep = 1_000_000
        #expect(throws: LTError.self) { try outline("<r>" + String(repeating: "<a>", count: deep)) }
        let some = 60
        #expect(throws: Never.self) {
            try outline("<r>" + String(repeating: "<a>", count: some) + String(repeating: "</a>", count: some) + "</r>")
        }
    }

    @Test func survivesDamage() {
        let whole = Array(
            "<?xml version='1.0'?><r k='v'><t>a &amp; b</t><n>12.5</n><l><a>1</a><b/></l><x><y z=\"1\"/></x><!-- c --></r>"
                .utf8)
        for length in 0..<whole.count { #expect(throws: LTError.self) { try outline(Array(whole.prefix(length))) } }
        var random = SeededGenerator(seed: 6)
        for _ in 0..<5000 {
            var bytes = whole
            for _ in 0..<1 + random.below(4) { bytes[random.below(bytes.count)] = whole[random.below(whole.count)] }
            bytes[random.below(bytes.count)] ^= UInt8(random.below(2) * 128)
            _ = try? outline(bytes)
        }
    }
}
