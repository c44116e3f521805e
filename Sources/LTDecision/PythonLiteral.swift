// PythonLiteral: a reader of Python's repr of plain values (dict, list, tuple, str, numbers, True, False, None), which
// Ultralytics writes into its metadata. Nothing is evaluated; depth and size are bounded.
// https://docs.python.org/3/library/ast.html#ast.literal_eval

import LTCore

/// A plain Python value.
enum PythonLiteral: Equatable {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)
    case list([PythonLiteral])
    case dict([Entry])

    struct Entry: Equatable {
        var key: PythonLiteral
        var value: PythonLiteral
    }

    /// Reads one literal that fills the text.
    /// - Throws: `malformed` with the position.
    init(_ text: String) throws(LTError) {
        var reader = Reader(bytes: Array(text.utf8))
        self = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.position == reader.bytes.count else { throw reader.error("text after the value") }
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        func error(_ what: String) -> LTError {
            LTError(.malformed, "not a Python literal: \(what) at byte \(position)")
        }

        var next: UInt8? { position < bytes.count ? bytes[position] : nil }

        mutating func skipSpace() {
            while let byte = next, byte == 32 || (9...13).contains(byte) { position += 1 }
        }

        mutating func take(_ byte: UInt8) -> Bool {
            skipSpace()
            guard next == byte else { return false }
            position += 1
            return true
        }

        mutating func value(depth: Int) throws(LTError) -> PythonLiteral {
            guard depth < 32 else { throw error("nested too deeply") }
            skipSpace()
            switch next {
            case UInt8(ascii: "{")?: return try dict(depth: depth)
            case UInt8(ascii: "[")?: return .list(try sequence(until: UInt8(ascii: "]"), depth: depth))
            case UInt8(ascii: "(")?: return .list(try sequence(until: UInt8(ascii: ")"), depth: depth))
            case UInt8(ascii: "'")?, UInt8(ascii: "\"")?: return .string(try string())
            case nil: throw error("nothing")
            default: return try word()
            }
        }

        mutating func dict(depth: Int) throws(LTError) -> PythonLiteral {
            position += 1
            var entries: [Entry] = []
            while !take(UInt8(ascii: "}")) {
                let key = try value(depth: depth + 1)
                guard take(UInt8(ascii: ":")) else { throw error("expected ':'") }
                entries.append(Entry(key: key, value: try value(depth: depth + 1)))
                if take(UInt8(ascii: ",")) { continue }
                guard take(UInt8(ascii: "}")) else { throw error("expected ',' or '}'") }
                break
            }
            return .dict(entries)
        }

        mutating func sequence(until end: UInt8, depth: Int) throws(LTError) -> [PythonLiteral] {
            position += 1
            var items: [PythonLiteral] = []
            while !take(end) {
                items.append(try value(depth: depth + 1))
                if take(UInt8(ascii: ",")) { continue }
                guard take(end) else { throw error("expected ',' or '\(Character(Unicode.Scalar(end)))'") }
                break
            }
            return items
        }

        mutating func string() throws(LTError) -> String {
            let quote = bytes[position]
            position += 1
            var text: [UInt8] = []
            while let byte = next {
                position += 1
                if byte == quote { return String(decoding: text, as: UTF8.self) }
                guard byte == UInt8(ascii: "\\") else {
                    text.append(byte)
                    continue
                }
                guard let escape = next else { break }
                position += 1
                switch escape {
                case UInt8(ascii: "n"): text.append(10)
                case UInt8(ascii: "r"): text.append(13)
                case UInt8(ascii: "t"): text.append(9)
                case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): text.append(escape)
                case UInt8(ascii: "x"): try scalar(digits: 2, into: &text)
                case UInt8(ascii: "u"): try scalar(digits: 4, into: &text)
                case UInt8(ascii: "U"): try scalar(digits: 8, into: &text)
                default: throw error("unknown escape")
                }
            }
            throw error("string without an end")
        }

        mutating func scalar(digits: Int, into text: inout [UInt8]) throws(LTError) {
            guard position + digits <= bytes.count,
                let code = UInt32(String(decoding: bytes[position..<position + digits], as: UTF8.self), radix: 16),
                let scalar = Unicode.Scalar(code)
            else { throw error("bad escape") }
            position += digits
            text.append(contentsOf: Array(String(Character(scalar)).utf8))
        }

        mutating func word() throws(LTError) -> PythonLiteral {
            let start = position
            while let byte = next, !",:]}) \t\r\n".utf8.contains(byte) { position += 1 }
            let word = String(decoding: bytes[start..<position], as: UTF8.self)
            switch word {
            case "None": return .none
            case "True": return .bool(true)
            case "False": return .bool(false)
            default:
                if let number = Int(word) { return .int(number) }
                if let number = Double(word), number.isFinite { return .float(number) }
                position = start
                throw error("unknown word")
            }
        }
    }
}
