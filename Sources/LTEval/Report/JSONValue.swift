// JSONValue: JSON that keeps the order of its keys and prints numbers as the shortest decimals that read back equal, so
// that a report is the same bytes every time.

/// A JSON value to print.
public indirect enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int)
    /// Printed as null when not finite.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// A key and its value.
    public struct Member: Sendable, Equatable {
        public var key: String
        public var value: JSONValue

        public init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// A number, or null.
    public static func optional(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }

    /// The value of a key; `nil` when this is no object or lacks it.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The number; `nil` when this is none.
    public var double: Double? {
        switch self {
        case .number(let value): value
        case .int(let value): Double(value)
        default: nil
        }
    }

    /// The text, indented by two spaces a level; objects and arrays of plain values stand on one line.
    public func text(indent: String = "") -> String {
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .int(let value): return String(value)
        case .number(let value): return value.isFinite ? "\(value)" : "null"
        case .string(let value): return Self.quoted(value)
        case .array(let values):
            return Self.wrapped("[", values.map { ("", $0) }, "]", indent)
        case .object(let members):
            return Self.wrapped("{", members.map { (Self.quoted($0.key) + ": ", $0.value) }, "}", indent)
        }
    }

    private var isPlain: Bool {
        switch self {
        case .array, .object: false
        default: true
        }
    }

    private static func wrapped(_ open: String, _ parts: [(String, JSONValue)], _ close: String, _ indent: String)
        -> String
    {
        if parts.allSatisfy({ $0.1.isPlain }) {
            return open + parts.map { $0.0 + $0.1.text() }.joined(separator: ", ") + close
        }
        let inner = indent + "  "
        return open + "\n" + parts.map { inner + $0.0 + $0.1.text(indent: inner) }.joined(separator: ",\n") + "\n"
            + indent
            + close
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
