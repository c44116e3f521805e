// Base64 (RFC 4648 §4) of bytes in JSON.

/// Bytes that are written as a string of base64.
public struct Base64: Sendable, Equatable, Codable {
    public var bytes: [UInt8]

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// `nil` for what is not base64, padding included.
    public init?(text: String) {
        let code = Array(text.utf8)
        guard code.count.isMultiple(of: 4) else { return nil }
        let padding = code.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        bytes = []
        bytes.reserveCapacity(code.count / 4 * 3)
        for start in stride(from: 0, to: code.count, by: 4) {
            var bits: UInt32 = 0
            for index in start..<start + 4 {
                let value = index >= code.count - padding ? 0 : Self.values[Int(code[index])]
                guard value < 64 else { return nil }
                bits = bits << 6 | UInt32(value)
            }
            bytes += [
                UInt8(truncatingIfNeeded: bits >> 16), UInt8(truncatingIfNeeded: bits >> 8),
                UInt8(truncatingIfNeeded: bits),
            ]
        }
        bytes.removeLast(padding)
    }

    public var text: String {
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let count = min(3, bytes.count - start)
            var bits: UInt32 = 0
            for index in 0..<3 { bits = bits << 8 | (index < count ? UInt32(bytes[start + index]) : 0) }
            for index in 0..<4 {
                let letter = Self.letters[Int(bits >> UInt32(18 - 6 * index) & 63)]
                out.append(index <= count ? letter : UInt8(ascii: "="))
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Base64(text: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not base64")
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    /// Byte → its six bits; 255 for what is no letter.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (index, letter) in letters.enumerated() { values[Int(letter)] = UInt8(index) }
        return values
    }()
}
