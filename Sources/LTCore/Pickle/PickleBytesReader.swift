// PickleBytesReader: the arguments of a pickle's opcodes: little-endian numbers, counted bytes and lines, all range-checked.

/// A position in a pickle.
struct PickleBytesReader {
    let buffer: Buffer
    private(set) var offset: Int
    private let end: Int

    init(_ buffer: Buffer, _ range: Range<Int>) {
        self.buffer = buffer
        offset = range.lowerBound
        end = range.upperBound
    }

    func malformed(_ message: String) -> LTError { LTError(.malformed, "pickle: \(message) at byte \(offset)") }

    /// Moves over `count` bytes.
    mutating func take(_ count: UInt64) throws(LTError) -> Range<Int> {
        guard let size = Int(exactly: count), size <= end - offset else {
            throw malformed("\(count) bytes expected, \(end - offset) are left,")
        }
        defer { offset += size }
        return offset..<offset + size
    }

    mutating func byte() throws(LTError) -> UInt8 { buffer.bytes[try take(1).lowerBound] }

    /// An unsigned number of `size` bytes, low byte first.
    mutating func number(_ size: Int) throws(LTError) -> UInt64 {
        var value: UInt64 = 0
        for index in try take(UInt64(size)).reversed() { value = value << 8 | UInt64(buffer.bytes[index]) }
        return value
    }

    /// The bytes up to the next line feed, which is passed over.
    mutating func line() throws(LTError) -> UnsafeRawBufferPointer {
        let rest = UnsafeRawBufferPointer(rebasing: buffer.bytes[offset..<end])
        guard let length = rest.firstIndex(of: 0x0A) else { throw malformed("line without end") }
        offset += length + 1
        return UnsafeRawBufferPointer(rebasing: rest[..<length])
    }

    mutating func asciiLine() throws(LTError) -> String {
        let bytes = try line()
        guard bytes.count < 1 << 12, bytes.allSatisfy({ $0 < 0x80 }) else {
            throw malformed("line that is no ASCII text")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Counted UTF-8.
    mutating func text(_ count: UInt64) throws(LTError) -> String {
        let range = try take(count)
        guard let text = String(validating: buffer.bytes[range], as: UTF8.self) else {
            throw malformed("text that is not UTF-8")
        }
        return text
    }

    mutating func bytes(_ count: UInt64) throws(LTError) -> PickleValue {
        .bytes(PickleBytes(buffer, try take(count)))
    }

    /// A two's complement number of any size.
    mutating func whole(_ count: UInt64) throws(LTError) -> PickleValue {
        Self.whole(Array(buffer.bytes[try take(count)]))
    }

    static func whole(_ bytes: [UInt8]) -> PickleValue {
        let sign: UInt8 = (bytes.last ?? 0) >= 0x80 ? 0xFF : 0
        var count = bytes.count
        while count > 1, bytes[count - 1] == sign, (bytes[count - 2] >= 0x80) == (sign != 0) { count -= 1 }
        guard count <= 8 else { return .long(Array(bytes[..<count])) }
        var value: UInt64 = sign == 0 ? 0 : .max
        for byte in bytes[..<count].reversed() { value = value << 8 | UInt64(byte) }
        return .int(Int(bitPattern: UInt(value)))
    }

    /// A decimal number; 100 digits at most, so that converting takes no time.
    mutating func decimal(_ text: Substring) throws(LTError) -> PickleValue {
        if let value = Int(text) { return .int(value) }
        let isNegative = text.hasPrefix("-")
        let digits = isNegative ? text.dropFirst() : text
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }) else {
            throw malformed("'\(text)' where a whole number should be")
        }
        guard digits.utf8.count <= 100 else {
            throw LTError(.unsupported, "pickle: a number of \(digits.count) digits")
        }
        var bytes = [UInt8](repeating: 0, count: 43)
        for digit in digits.utf8 {
            var carry = Int(digit) - 48
            for index in bytes.indices {
                carry += Int(bytes[index]) * 10
                bytes[index] = UInt8(carry & 0xFF)
                carry >>= 8
            }
        }
        if isNegative {
            var carry = 1
            for index in bytes.indices {
                carry += Int(~bytes[index])
                bytes[index] = UInt8(carry & 0xFF)
                carry >>= 8
            }
        }
        return Self.whole(bytes)
    }
}

extension PickleBytesReader {
    /// Python 2's `str` in protocol 0: a quoted literal with escapes.
    mutating func quotedBytes() throws(LTError) -> PickleValue {
        let line = try line()
        guard line.count >= 2, let quote = line.first, quote == line.last, quote == 0x22 || quote == 0x27 else {
            throw malformed("string without quotes")
        }
        let content = line[1..<line.count - 1]
        let result = try Buffer(byteCount: content.count)
        var count = 0
        var index = content.startIndex
        while index < content.endIndex {
            var value = content[index]
            index += 1
            if value == UInt8(ascii: "\\") {
                guard index < content.endIndex else { throw malformed("string that ends in an escape") }
                let escape = content[index]
                index += 1
                if let plain = Self.escapes[escape] {
                    value = plain
                } else if escape == UInt8(ascii: "x") {
                    guard let code = Self.hexadecimal(content[index...].prefix(2)), index + 2 <= content.endIndex else {
                        throw malformed("string with a bad \\x escape")
                    }
                    value = UInt8(truncatingIfNeeded: code)
                    index += 2
                } else if (48...55).contains(escape) {
                    let digits = content[(index - 1)...].prefix(3).prefix { (48...55).contains($0) }
                    value = UInt8(truncatingIfNeeded: digits.reduce(0) { $0 * 8 + Int($1) - 48 })
                    index = digits.endIndex
                } else {
                    // An unknown escape stands for itself, backslash and all.
                    index -= 1
                }
            }
            result.pointer.storeBytes(of: value, toByteOffset: count, as: UInt8.self)
            count += 1
        }
        return .bytes(PickleBytes(result, 0..<count))
    }

    /// `str` in protocol 0: a character for each byte, with \uXXXX and \UXXXXXXXX.
    mutating func escapedText() throws(LTError) -> PickleValue {
        let line = try line()
        var scalars = String.UnicodeScalarView()
        var index = 0
        while index < line.count {
            let letter = index + 1 < line.count && line[index] == UInt8(ascii: "\\") ? line[index + 1] : 0
            let size = letter == UInt8(ascii: "u") ? 4 : letter == UInt8(ascii: "U") ? 8 : 0
            guard size > 0 else {
                scalars.append(UnicodeScalar(line[index]))
                index += 1
                continue
            }
            guard index + 2 + size <= line.count, let code = Self.hexadecimal(line[(index + 2)...].prefix(size)),
                let scalar = UnicodeScalar(code)
            else { throw malformed("text with a bad \\\(Character(UnicodeScalar(letter))) escape") }
            scalars.append(scalar)
            index += 2 + size
        }
        return .string(String(scalars))
    }

    private static let escapes: [UInt8: UInt8] = [
        UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "'"): 0x27, UInt8(ascii: "\""): 0x22, UInt8(ascii: "n"): 0x0A,
        UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09, UInt8(ascii: "b"): 0x08, UInt8(ascii: "f"): 0x0C,
        UInt8(ascii: "v"): 0x0B, UInt8(ascii: "a"): 0x07,
    ]

    private static func hexadecimal(_ digits: Slice<UnsafeRawBufferPointer>) -> UInt32? {
        var value: UInt32 = 0
        for digit in digits {
            guard let nibble = Character(UnicodeScalar(digit)).hexDigitValue else { return nil }
            value = value << 4 | UInt32(nibble)
        }
        return digits.isEmpty ? nil : value
    }
}
