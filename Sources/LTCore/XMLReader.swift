// XMLReader: a pull parser for data in XML: elements and their text. Attributes, comments and processing instructions are
// passed over; entities are only the five of XML and numbered characters (a document type with definitions is refused, so
// nothing is ever expanded or fetched). Nesting is limited. https://www.w3.org/TR/xml/

/// Walks through the elements of an XML text in order.
public struct XMLReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0
    /// The open elements; the last one's content comes next.
    private var open: [Range<Int>] = []
    /// The last start tag was of the form `<a/>`.
    private var isEmpty = false
    private static let maximumDepth = 64

    /// The bytes, UTF-8, must outlive the reader.
    public init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { offset = 3 }
    }

    /// A `malformed` error at the current position.
    public func malformed(_ message: String) -> LTError { LTError(.malformed, "\(message) at byte \(offset)") }

    /// Reads the whole document: `child` is called with the name of each child of the root and must read or skip it.
    public mutating func document(
        root name: String, _ child: (inout XMLReader, String) throws(LTError) -> Void
    ) throws(LTError) {
        try skipMarkup()
        guard let found = try startTag() else { throw malformed("XML without a root element") }
        guard found == name else { throw malformed("XML has the root <\(found)>, expected <\(name)>,") }
        try children(child)
        try skipMarkup()
        guard offset == bytes.count else { throw malformed("XML goes on after its root element") }
    }

    /// Reads the children of the current element; text between them is passed over.
    public mutating func children(_ child: (inout XMLReader, String) throws(LTError) -> Void) throws(LTError) {
        if try leftEmpty() { return }
        while true {
            _ = try content(keeping: false)
            if try endTag() { return }
            guard let name = try startTag() else { throw malformed("XML with a stray '<'") }
            let depth = open.count
            try child(&self, name)
            precondition(open.count == depth - 1, "the element was neither read nor skipped")
        }
    }

    /// Reads the text of the current element, which has no children, without white space around it.
    public mutating func text() throws(LTError) -> String {
        if try leftEmpty() { return "" }
        let text = try content(keeping: true)
        guard try endTag() else { throw malformed("XML has an element where text is expected,") }
        return text
    }

    /// Reads the text of the current element as a finite number.
    public mutating func number() throws(LTError) -> Double {
        let text = try text()
        guard let value = Double(text), value.isFinite else {
            throw malformed("XML has '\(text)' where a number should be")
        }
        return value
    }

    /// Passes over the current element.
    public mutating func skip() throws(LTError) {
        try children { reader, _ throws(LTError) in try reader.skip() }
    }
}

extension XMLReader {
    private func starts(with text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        return bytes.count - offset >= count && (0..<count).allSatisfy { bytes[offset + $0] == text.utf8Start[$0] }
    }

    private mutating func skipSpace() {
        while offset < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[offset]) { offset += 1 }
    }

    /// Moves behind the next occurrence of an ending.
    private mutating func skip(past ending: StaticString, _ what: String) throws(LTError) {
        let start = offset
        while offset < bytes.count {
            if starts(with: ending) {
                offset += ending.utf8CodeUnitCount
                return
            }
            offset += 1
        }
        offset = start
        throw malformed("XML has \(what) without end")
    }

    /// White space, comments, processing instructions and a plain document type.
    private mutating func skipMarkup() throws(LTError) {
        while true {
            skipSpace()
            if starts(with: "<?") {
                try skip(past: "?>", "an instruction")
            } else if starts(with: "<!--") {
                offset += 4
                try skip(past: "-->", "a comment")
            } else if starts(with: "<!DOCTYPE") {
                let start = offset
                try skip(past: ">", "a document type")
                guard !bytes[start..<offset].contains(UInt8(ascii: "[")) else {
                    throw LTError(.unsupported, "XML with definitions in its document type")
                }
            } else {
                return
            }
        }
    }

    private mutating func name() throws(LTError) -> Range<Int> {
        let start = offset
        while offset < bytes.count, !" \t\r\n/><=\"'&".utf8.contains(bytes[offset]) { offset += 1 }
        guard offset > start, offset - start <= 256 else { throw malformed("XML with a bad name") }
        return start..<offset
    }

    /// Enters an element; nil when none begins here.
    private mutating func startTag() throws(LTError) -> String? {
        guard offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "<"), bytes[offset + 1] != UInt8(ascii: "/")
        else {
            return nil
        }
        guard open.count < Self.maximumDepth else { throw malformed("XML is nested deeper than \(Self.maximumDepth)") }
        offset += 1
        let range = try name()
        guard let name = String(validating: bytes[range], as: UTF8.self) else { throw malformed("XML is not UTF-8") }
        while true {
            skipSpace()
            guard offset < bytes.count else { throw malformed("XML ends inside a tag") }
            if starts(with: "/>") {
                offset += 2
                isEmpty = true
                break
            }
            if bytes[offset] == UInt8(ascii: ">") {
                offset += 1
                break
            }
            try attribute()
        }
        open.append(range)
        return name
    }

    private mutating func attribute() throws(LTError) {
        _ = try name()
        skipSpace()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "=") else {
            throw malformed("XML attribute without '='")
        }
        offset += 1
        skipSpace()
        guard offset < bytes.count, bytes[offset] == 0x22 || bytes[offset] == 0x27 else {
            throw malformed("XML attribute without quotes")
        }
        offset += 1
        try skip(past: bytes[offset - 1] == 0x22 ? "\"" : "'", "an attribute")
    }

    /// Leaves the current element if it was written `<a/>`.
    private mutating func leftEmpty() throws(LTError) -> Bool {
        precondition(!open.isEmpty, "no element is open")
        guard isEmpty else { return false }
        isEmpty = false
        open.removeLast()
        return true
    }

    /// Leaves the current element if its end stands here.
    private mutating func endTag() throws(LTError) -> Bool {
        guard starts(with: "</"), let started = open.last else { return false }
        offset += 2
        guard bytes[try name()].elementsEqual(bytes[started]) else {
            throw malformed("XML closes another element than <\(String(decoding: bytes[started], as: UTF8.self))>")
        }
        skipSpace()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: ">") else {
            throw malformed("XML with a bad end tag")
        }
        offset += 1
        open.removeLast()
        return true
    }

    /// The text up to the next tag.
    private mutating func content(keeping: Bool) throws(LTError) -> String {
        var text: [UInt8] = []
        while true {
            guard offset < bytes.count else { throw malformed("XML ends inside an element") }
            let byte = bytes[offset]
            if starts(with: "<![CDATA[") {
                let start = offset + 9
                try skip(past: "]]>", "CDATA")
                if keeping { text += bytes[start..<offset - 3] }
            } else if starts(with: "<!") || starts(with: "<?") {
                guard starts(with: "<!--") || starts(with: "<?") else { throw malformed("XML with a stray '<!'") }
                offset += 2
                try skip(past: bytes[offset - 1] == UInt8(ascii: "?") ? "?>" : "-->", "a comment")
            } else if byte == UInt8(ascii: "<") {
                break
            } else if byte == UInt8(ascii: "&") {
                let character = try entity()
                if keeping { text += String(character).utf8 }
            } else {
                if keeping { text.append(byte) }
                offset += 1
            }
        }
        guard keeping else { return "" }
        let space: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
        let trimmed = text.drop { space.contains($0) }
        let count = trimmed.reversed().drop { space.contains($0) }.count
        guard let result = String(validating: trimmed.prefix(count), as: UTF8.self) else {
            throw malformed("XML is not UTF-8")
        }
        return result
    }

    private mutating func entity() throws(LTError) -> Character {
        guard let end = bytes[offset...].prefix(12).firstIndex(of: UInt8(ascii: ";")) else {
            throw malformed("XML with a bare '&'")
        }
        let name = String(decoding: bytes[(offset + 1)..<end], as: UTF8.self)
        let plain: [String: Character] = ["lt": "<", "gt": ">", "amp": "&", "quot": "\"", "apos": "'"]
        let code = name.hasPrefix("#x") ? UInt32(name.dropFirst(2), radix: 16) : UInt32(name.dropFirst(1))
        guard
            let character = plain[name]
                ?? (name.hasPrefix("#") ? code.flatMap(UnicodeScalar.init).map(Character.init) : nil)
        else { throw malformed("XML with the unknown entity '&\(name);'") }
        offset = end + 1
        return character
    }
}
