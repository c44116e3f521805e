// TextRecords: a text file record by record, in memory that does not grow with the file. Lines of JSON Lines, records of
// CSV (RFC 4180: a line break inside quotes belongs to the field). Decimal numbers as text.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Reads a file in pieces of 1 MiB and hands out its records.
final class TextRecords {
    /// The number of the record's first line, from 1.
    private(set) var line = 0
    private let descriptor: Int32
    private let joinsQuotes: Bool
    private var piece = [UInt8](repeating: 0, count: 1 << 20)
    private var position = 0
    private var end = 0
    private var linesAhead = 1
    /// Longer records are refused.
    private static let limit = 1 << 28

    /// - Parameter joinsQuotes: a line with an odd number of quotes goes on in the next one (CSV).
    init(_ path: String, joinsQuotes: Bool) throws(LTError) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemError("cannot open \(path)") }
        self.joinsQuotes = joinsQuotes
    }

    deinit { close(descriptor) }

    /// Puts the next record that is not empty, without its line break, into `record`; false at the end of the file.
    func next(_ record: inout [UInt8]) throws(LTError) -> Bool {
        while try nextLine(&record) { if !record.isEmpty { return true } }
        return false
    }

    private func nextLine(_ record: inout [UInt8]) throws(LTError) -> Bool {
        record.removeAll(keepingCapacity: true)
        line = linesAhead
        var quotes = 0
        while true {
            if position == end {
                try refill()
                if end == 0 {
                    guard quotes & 1 == 0 else {
                        throw LTError(.malformed, "a quoted field has no end", context: ["line \(line)"])
                    }
                    return finish(&record)
                }
            }
            let (start, limit) = (position, end)
            let found = piece.withUnsafeBufferPointer { bytes -> Int in
                guard let hit = memchr(bytes.baseAddress! + start, 10, limit - start) else { return limit }
                return bytes.baseAddress!.distance(to: hit.assumingMemoryBound(to: UInt8.self))
            }
            record += piece[start..<found]
            if joinsQuotes { quotes += piece[start..<found].reduce(0) { $0 + ($1 == UInt8(ascii: "\"") ? 1 : 0) } }
            guard record.count <= Self.limit else {
                throw LTError(.malformed, "longer than \(Self.limit) bytes", context: ["line \(line)"])
            }
            position = found
            guard found < end else { continue }
            position += 1
            linesAhead += 1
            if quotes & 1 == 0 { return finish(&record) || true }
            record.append(10)
        }
    }

    /// Takes off the byte order mark and the carriage return; false when there was nothing.
    private func finish(_ record: inout [UInt8]) -> Bool {
        if line == 1, record.starts(with: [0xEF, 0xBB, 0xBF]) { record.removeFirst(3) }
        if record.last == 13 { record.removeLast() }
        return !record.isEmpty
    }

    private func refill() throws(LTError) {
        while true {
            let count = piece.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw systemError("cannot read") }
            (position, end) = (0, count)
            return
        }
    }
}

/// Decimal numbers of text files.
enum Decimal {
    /// The number that the bytes spell, white space around it allowed: correctly rounded; "nan" and "inf" are read too.
    static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        var bytes = bytes[...]
        while let first = bytes.first, first == 32 || first == 9 { bytes = bytes.dropFirst() }
        while let last = bytes.last, last == 32 || last == 9 || last == 13 { bytes = bytes.dropLast() }
        guard let first = bytes.first else { return nil }
        var rest = bytes
        let isNegative = first == UInt8(ascii: "-")
        if isNegative || first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        var mantissa: UInt64 = 0
        var (digits, exponent) = (0, 0)
        func take() -> Bool {
            guard let byte = rest.first, byte &- 48 < 10 else { return false }
            mantissa = mantissa &* 10 &+ UInt64(byte &- 48)
            rest = rest.dropFirst()
            digits += 1
            return true
        }
        while take() {}
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            let before = digits
            while take() {}
            exponent = before - digits
        }
        guard digits > 0 else { return slow(bytes) }
        if let mark = rest.first, mark | 0x20 == UInt8(ascii: "e") {
            rest = rest.dropFirst()
            let sign = rest.first == UInt8(ascii: "-") ? -1 : 1
            if let byte = rest.first, byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") { rest = rest.dropFirst() }
            guard !rest.isEmpty, rest.count <= 4 else { return slow(bytes) }
            var written = 0
            while let byte = rest.first, byte &- 48 < 10 {
                written = written * 10 + Int(byte &- 48)
                rest = rest.dropFirst()
            }
            exponent += sign * written
        }
        // Both operands exact and one operation: correctly rounded (Clinger's fast path).
        guard rest.isEmpty, digits <= 19, mantissa <= 1 << 53, abs(exponent) <= 22 else { return slow(bytes) }
        let value = Double(mantissa)
        let scaled = exponent < 0 ? value / powersOfTen[-exponent] : value * powersOfTen[exponent]
        return isNegative ? -scaled : scaled
    }

    private static func slow(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Double? {
        bytes.count > 4096 ? nil : Double(String(decoding: bytes, as: UTF8.self))
    }

    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
}

/// The fields of one CSV record.
struct CSVRecord {
    /// The record with quoting taken off.
    private var bytes: [UInt8] = []
    private var fields: [Range<Int>] = []

    var count: Int { fields.count }

    /// - Throws: `malformed` naming the column.
    mutating func split(_ record: [UInt8], _ separator: UInt8) throws(LTError) {
        bytes.removeAll(keepingCapacity: true)
        fields.removeAll(keepingCapacity: true)
        let quote = UInt8(ascii: "\"")
        var position = 0
        while true {
            let start = bytes.count
            if position < record.count, record[position] == quote {
                position += 1
                while position < record.count {
                    if record[position] == quote {
                        position += 1
                        guard position < record.count, record[position] == quote else { break }
                    }
                    bytes.append(record[position])
                    position += 1
                }
                guard position == record.count || record[position] == separator else {
                    throw LTError(.malformed, "text after a closing quote", context: ["column \(count + 1)"])
                }
            } else {
                let end = record[position...].firstIndex(of: separator) ?? record.count
                bytes += record[position..<end]
                position = end
            }
            fields.append(start..<bytes.count)
            guard position < record.count else { return }
            position += 1
        }
    }

    func text(_ field: Int) throws(LTError) -> String {
        guard let text = String(validating: bytes[fields[field]], as: UTF8.self) else {
            throw LTError(.malformed, "text is not UTF-8", context: ["column \(field + 1)"])
        }
        return text
    }

    func number(_ field: Int) -> Double? {
        bytes.withUnsafeBufferPointer { Decimal.read(UnsafeBufferPointer(rebasing: $0[fields[field]])) }
    }

    func isEmpty(_ field: Int) -> Bool { fields[field].isEmpty }
}
