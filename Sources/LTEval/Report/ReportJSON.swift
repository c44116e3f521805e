// ReportJSON: JSON that keeps the order of its keys and prints numbers as the shortest decimals that read back equal, so
// that a report is the same bytes every time.

import LTCore

/// A JSON value, to print or read.
public indirect enum ReportJSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int)
    /// Printed as null when not finite.
    case number(Double)
    case string(String)
    case array([ReportJSON])
    case object([Member])

    /// A key and its value.
    public struct Member: Sendable, Equatable {
        public var key: String
        public var value: ReportJSON

        public init(_ key: String, _ value: ReportJSON) {
            self.key = key
            self.value = value
        }
    }

    /// A number, or null.
    public static func optional(_ value: Double?) -> ReportJSON { value.map { .number($0) } ?? .null }

    /// The value of a key; `nil` when this is no object or lacks it.
    public subscript(key: String) -> ReportJSON? {
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

    /// The text of a string; `nil` when this is none.
    public var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    /// The elements of an array; empty when this is none.
    public var elements: [ReportJSON] {
        guard case .array(let values) = self else { return [] }
        return values
    }

    /// The members of an object; empty when this is none.
    public var members: [Member] {
        guard case .object(let members) = self else { return [] }
        return members
    }

    /// The text, indented by two spaces a level; objects and arrays of plain values stand on one line.
    public func text() -> String {
        var result = ""
        write(into: &result, indent: "\n")
        return result
    }

    /// The text without any white space between values.
    public var compactText: String {
        var result = ""
        write(into: &result, indent: nil)
        return result
    }

    /// - Parameter indent: the line break and the spaces of this level; `nil` writes compactly.
    private func write(into result: inout String, indent: String?) {
        switch self {
        case .null: result += "null"
        case .bool(let value): result += value ? "true" : "false"
        case .int(let value): result += String(value)
        case .number(let value): result += value.isFinite ? "\(value)" : "null"
        case .string(let value): Self.write(value, into: &result)
        case .array(let values):
            Self.write("[", values, "]", into: &result, indent, isPlain: \.isPlain) { value, result, indent in
                value.write(into: &result, indent: indent)
            }
        case .object(let members):
            Self.write("{", members, "}", into: &result, indent, isPlain: \.value.isPlain) { member, result, indent in
                Self.write(member.key, into: &result)
                result += indent == nil ? ":" : ": "
                member.value.write(into: &result, indent: indent)
            }
        }
    }

    private var isPlain: Bool {
        switch self {
        case .array, .object: false
        default: true
        }
    }

    private static func write<Part>(
        _ open: String, _ parts: [Part], _ close: String, into result: inout String, _ indent: String?,
        isPlain: (Part) -> Bool, _ write: (Part, inout String, String?) -> Void
    ) {
        let inner = indent.flatMap { parts.allSatisfy(isPlain) ? nil : $0 + "  " }
        result += open
        for (position, part) in parts.enumerated() {
            if position > 0 { result += inner == nil && indent != nil ? ", " : "," }
            if let inner { result += inner }
            write(part, &result, inner ?? indent)
        }
        if inner != nil, let indent { result += indent }
        result += close
    }

    private static func write(_ text: String, into result: inout String) {
        result += "\""
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
        result += "\""
    }
}

extension ReportJSON {
    /// Reads a JSON file whole: for reports, which are small; data files are walked through with `JSONReader`.
    /// - Throws: `io`, `malformed`, naming the file.
    public init(file path: String) throws(LTError) {
        self = try within("file \(path)") { () throws(LTError) in
            let file = try readFile(path)
            return try withExtendedLifetime(file) { () throws(LTError) in
                var reader = JSONReader(file.bytes)
                let value = try ReportJSON(reading: &reader)
                try reader.end()
                return value
            }
        }
    }

    /// Reads the next value.
    /// - Throws: `malformed`.
    public init(reading reader: inout JSONReader) throws(LTError) {
        switch try reader.peek() {
        case .null:
            try reader.null()
            self = .null
        case .boolean: self = .bool(try reader.bool())
        case .string: self = .string(try reader.string())
        case .number:
            let value = try reader.double()
            // Whole numbers that doubles count without gaps.
            self = abs(value) < 0x1p53 && value == value.rounded() ? .int(Int(value)) : .number(value)
        case .array:
            var values: [ReportJSON] = []
            try reader.array { (reader) throws(LTError) in values.append(try ReportJSON(reading: &reader)) }
            self = .array(values)
        case .object:
            var members: [Member] = []
            try reader.object { reader, key throws(LTError) in
                members.append(Member(key, try ReportJSON(reading: &reader)))
            }
            self = .object(members)
        }
    }
}
