// JSONReader: a pull parser (RFC 8259) for data files of any size: no tree is built, memory is what the caller keeps,
// each error carries its byte offset. Numbers are correctly rounded doubles; nesting is limited.

/// Walks through the values of a JSON text in order. Unknown members are passed over with `skip()`.
public struct JSONReader {
    public enum Kind: String, Sendable { case object, array, string, number, boolean, null }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var offset = 0
    private var depth = 0
    private static let maximumDepth = 256

    /// The bytes must outlive the reader.
    public init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = UnsafeBufferPointer(
            start: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), count: bytes.count)
        // A byte order mark is what some editors leave in front.
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { offset = 3 }
    }

    /// A `malformed` error at the current position.
    public func malformed(_ message: String) -> LTError { LTError(.malformed, "\(message) at byte \(offset)") }

    /// The kind of the next value.
    public mutating func peek() throws(LTError) -> Kind {
        skipSpace()
        guard offset < bytes.count else { throw malformed("JSON ends where a value should be") }
        switch bytes[offset] {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: throw malformed("JSON has \(shown(bytes[offset])) where a value should be")
        }
    }

    /// Reads an object: `member` is called with each key and must read or skip its value.
    public mutating func object(_ member: (inout JSONReader, String) throws(LTError) -> Void) throws(LTError) {
        try expect(.object)
        try enter()
        if close(UInt8(ascii: "}")) { return }
        while true {
            skipSpace()
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
                throw malformed("JSON lacks a key in an object")
            }
            let key = try string()
            skipSpace()
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: ":") else {
                throw malformed("JSON lacks ':' after key \"\(key)\"")
            }
            offset += 1
            try member(&self, key)
            if close(UInt8(ascii: "}")) { return }
            try comma("}")
        }
    }

    /// Reads an array: `element` is called at each element and must read or skip it.
    public mutating func array(_ element: (inout JSONReader) throws(LTError) -> Void) throws(LTError) {
        try expect(.array)
        try enter()
        if close(UInt8(ascii: "]")) { return }
        while true {
            try element(&self)
            if close(UInt8(ascii: "]")) { return }
            try comma("]")
        }
    }

    /// Passes over the next value, whatever it is, checking its syntax.
    public mutating func skip() throws(LTError) {
        switch try peek() {
        case .object: try object { reader, _ throws(LTError) in try reader.skip() }
        case .array: try array { (reader) throws(LTError) in try reader.skip() }
        case .string: try scanString()
        case .number: _ = try double()
        case .boolean: _ = try bool()
        case .null: try null()
        }
    }

    /// Checks that nothing but white space follows.
    public mutating func end() throws(LTError) {
        skipSpace()
        guard offset == bytes.count else { throw malformed("JSON has \(shown(bytes[offset])) after its end") }
    }

    public mutating func null() throws(LTError) {
        try expect(.null)
        try word("null")
    }

    public mutating func bool() throws(LTError) -> Bool {
        try expect(.boolean)
        let value = bytes[offset] == UInt8(ascii: "t")
        try word(value ? "true" : "false")
        return value
    }

    /// Reads a number that is whole (`3`, also `3.0`) and fits an Int.
    public mutating func int() throws(LTError) -> Int {
        let value = try number()
        if let whole = value.whole { return whole }
        guard let whole = Int(exactly: value.double) else {
            throw malformed("JSON has the number \(value.double), expected a whole number,")
        }
        return whole
    }

    /// Reads a finite number, correctly rounded.
    public mutating func double() throws(LTError) -> Double { try number().double }

    /// Reads a number as it is written.
    public mutating func numeral() throws(LTError) -> String {
        try expect(.number)
        let start = offset
        _ = try number()
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    /// Reads a string.
    public mutating func string() throws(LTError) -> String {
        try expect(.string)
        let start = offset + 1
        let hasEscapes = try scanString()
        let content = UnsafeBufferPointer(rebasing: bytes[start..<offset - 1])
        let text = hasEscapes ? try unescaped(content) : String(validating: content, as: UTF8.self)
        guard let text else { throw malformed("JSON string is not UTF-8") }
        return text
    }
}

extension JSONReader {
    private func shown(_ byte: UInt8) -> String {
        byte > 0x20 && byte < 0x7F ? "'\(Character(UnicodeScalar(byte)))'" : "byte \(byte)"
    }

    private mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x0A, 0x0D, 0x09: offset += 1
            default: return
            }
        }
    }

    private mutating func expect(_ kind: Kind) throws(LTError) {
        let found = try peek()
        guard found == kind else { throw malformed("JSON has \(found.rawValue), expected \(kind.rawValue),") }
    }

    private mutating func enter() throws(LTError) {
        guard depth < Self.maximumDepth else { throw malformed("JSON is nested deeper than \(Self.maximumDepth)") }
        depth += 1
        offset += 1
    }

    private mutating func close(_ bracket: UInt8) -> Bool {
        skipSpace()
        guard offset < bytes.count, bytes[offset] == bracket else { return false }
        offset += 1
        depth -= 1
        return true
    }

    private mutating func comma(_ end: String) throws(LTError) {
        guard offset < bytes.count else { throw malformed("JSON ends before the closing '\(end)'") }
        guard bytes[offset] == UInt8(ascii: ",") else {
            throw malformed("JSON has \(shown(bytes[offset])), expected ',' or '\(end)',")
        }
        offset += 1
    }

    private mutating func word(_ word: StaticString) throws(LTError) {
        let size = word.utf8CodeUnitCount
        guard bytes.count - offset >= size, (0..<size).allSatisfy({ bytes[offset + $0] == word.utf8Start[$0] }) else {
            throw malformed("JSON has an unknown word")
        }
        offset += size
    }

    /// Moves behind the closing quote; true when there are escapes.
    @discardableResult
    private mutating func scanString() throws(LTError) -> Bool {
        let start = offset
        var position = offset + 1
        var hasEscapes = false
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                offset = position + 1
                return hasEscapes
            }
            guard byte >= 0x20 else {
                offset = position
                throw malformed("JSON string has a control character")
            }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                position += 1
            }
            position += 1
        }
        offset = start
        throw malformed("JSON string has no closing quote")
    }

    private func unescaped(_ content: UnsafeBufferPointer<UInt8>) throws(LTError) -> String? {
        var result: [UInt8] = []
        result.reserveCapacity(content.count)
        var position = 0
        func unit() -> UInt32? {  // four hexadecimal digits
            guard position + 4 <= content.count else { return nil }
            var value: UInt32 = 0
            for _ in 0..<4 {
                guard let digit = Character(UnicodeScalar(content[position])).hexDigitValue else { return nil }
                value = value * 16 + UInt32(digit)
                position += 1
            }
            return value
        }
        while position < content.count {
            let byte = content[position]
            position += 1
            guard byte == UInt8(ascii: "\\"), position < content.count else {
                result.append(byte)
                continue
            }
            let escape = content[position]
            position += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(escape)
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "u"):
                guard var scalar = unit() else { throw malformed("JSON string has a bad \\u escape") }
                if (0xD800..<0xDC00).contains(scalar), position + 6 <= content.count,
                    content[position] == UInt8(ascii: "\\"), content[position + 1] == UInt8(ascii: "u")
                {
                    position += 2
                    guard let low = unit(), (0xDC00..<0xE000).contains(low) else {
                        throw malformed("JSON string has half a surrogate pair")
                    }
                    scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
                }
                guard let unicode = UnicodeScalar(scalar) else {
                    throw malformed("JSON string has half a surrogate pair")
                }
                result.append(contentsOf: Array(String(Character(unicode)).utf8))
            default: throw malformed("JSON string has the unknown escape \\\(shown(escape))")
            }
        }
        return String(validating: result, as: UTF8.self)
    }

    private mutating func number() throws(LTError) -> (double: Double, whole: Int?) {
        try expect(.number)
        let start = offset
        var position = offset
        func digit() -> UInt64? {
            guard position < bytes.count, bytes[position] &- 48 < 10 else { return nil }
            return UInt64(bytes[position] &- 48)
        }
        let negative = bytes[position] == UInt8(ascii: "-")
        if negative { position += 1 }
        var mantissa: UInt64 = 0
        var isExact = true
        var exponent = 0
        let first = position
        while let value = digit() {
            (mantissa, isExact) = Self.append(value, to: mantissa, isExact)
            position += 1
        }
        let integerDigits = position - first
        guard integerDigits == 1 || (integerDigits > 1 && bytes[first] != UInt8(ascii: "0")) else {
            throw malformed("JSON has a malformed number")
        }
        var isWhole = true
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            isWhole = false
            position += 1
            let fraction = position
            while let value = digit() {
                (mantissa, isExact) = Self.append(value, to: mantissa, isExact)
                position += 1
            }
            exponent = fraction - position
            guard exponent < 0 else { throw malformed("JSON has a malformed number") }
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            position += 1
            var sign = 1
            if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                sign = bytes[position] == UInt8(ascii: "-") ? -1 : 1
                position += 1
            }
            guard digit() != nil else { throw malformed("JSON has a malformed number") }
            var written = 0
            while let value = digit() {
                written = min(written * 10 + Int(value), 100_000)
                position += 1
            }
            exponent += sign * written
        }
        offset = position
        if isWhole, isExact, mantissa <= UInt64(Int.max) {
            let whole = negative ? -Int(mantissa) : Int(mantissa)
            return (negative && mantissa == 0 ? -0.0 : Double(whole), whole)
        }
        // Both operands exact and one operation: the result is correctly rounded (Clinger's fast path).
        if isExact, mantissa <= 1 << 53, abs(exponent) <= 22 {
            let value = Double(mantissa)
            let scaled = exponent < 0 ? value / Self.powersOfTen[-exponent] : value * Self.powersOfTen[exponent]
            return (negative ? -scaled : scaled, nil)
        }
        guard position - start < 4096,
            let value = Double(String(decoding: bytes[start..<position], as: UTF8.self)), value.isFinite
        else { throw malformed("JSON has a number that is not finite in double precision,") }
        return (value, nil)
    }

    private static func append(_ digit: UInt64, to mantissa: UInt64, _ isExact: Bool) -> (UInt64, Bool) {
        guard isExact, mantissa < UInt64.max / 10 - 1 else { return (mantissa, false) }
        return (mantissa * 10 + digit, true)
    }

    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
}
