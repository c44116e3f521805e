// EventFile: scalars for TensorBoard. A file is a sequence of TFRecords (length uint64, masked CRC-32C of it, bytes, masked
// CRC-32C of them, little-endian; https://www.tensorflow.org/tutorials/load_data/tfrecord), each a protobuf message Event:
// wall_time = 1 (double), step = 2 (varint), file_version = 3 (string) in the first, summary = 5 {value = 1 {tag = 1,
// simple_value = 2 (float)}}.

import Foundation
import LTCore

public enum EventFile {
    public struct Event: Sendable {
        public var step: Int
        /// Tag and value.
        public var values: [(tag: String, value: Double)]
        /// Seconds since 1970.
        public var time: Double
        public var tags: [String] { values.map(\.tag) }

        public init(
            step: Int, values: [(tag: String, value: Double)], time: Double = Date().timeIntervalSince1970
        ) {
            self.step = step
            self.values = values
            self.time = time
        }

        /// The framed message.
        public var record: [UInt8] {
            var summary: [UInt8] = []
            for (tag, value) in values {
                let own =
                    field(1, bytes: Array(tag.utf8)) + [2 << 3 | 5] + littleEndian(Float(value).bitPattern)
                summary += field(1, bytes: own)
            }
            // Numbers that are 0 are left out, as protobuf does.
            let number = step > 0 ? [2 << 3] + varint(UInt64(step)) : []
            return framed([1 << 3 | 1] + littleEndian(time.bitPattern) + number + field(5, bytes: summary))
        }
    }

    /// What every file begins with.
    public static let start: [UInt8] = framed(field(3, bytes: Array("brain.Event:2".utf8)))

    /// The bytes of the first whole, undamaged records that are kept; the record with the version always is.
    static func prefix(_ bytes: [UInt8], while keeps: (Event) -> Bool) -> Int {
        var length = 0
        while let (message, end) = record(bytes, at: length) {
            guard let event = parse(message), event.values.isEmpty || keeps(event) else { break }
            length = end
        }
        return length
    }

    /// The scalars of a file, up to the first damaged record.
    public static func read(_ bytes: [UInt8]) -> [Event] {
        var events: [Event] = []
        var offset = 0
        while let (message, end) = record(bytes, at: offset), let event = parse(message) {
            if !event.values.isEmpty { events.append(event) }
            offset = end
        }
        return events
    }

    // MARK: Records

    private static func framed(_ message: [UInt8]) -> [UInt8] {
        let length = littleEndian(UInt64(message.count))
        return length + littleEndian(maskedCRC(length)) + message + littleEndian(maskedCRC(message))
    }

    private static func record(_ bytes: [UInt8], at offset: Int) -> (message: ArraySlice<UInt8>, end: Int)? {
        guard bytes.count - offset >= 16 else { return nil }
        let length = integer(bytes[offset..<offset + 8])
        guard integer(bytes[offset + 8..<offset + 12]) == UInt64(maskedCRC(bytes[offset..<offset + 8])),
            length <= UInt64(bytes.count - offset - 16)
        else { return nil }
        let start = offset + 12
        let end = start + Int(length)
        guard integer(bytes[end..<end + 4]) == UInt64(maskedCRC(bytes[start..<end])) else { return nil }
        return (bytes[start..<end], end + 4)
    }

    private static func maskedCRC(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let crc = crc32c(bytes)
        return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
    }

    /// CRC-32C (Castagnoli), polynomial 0x1EDC6F41, reflected.
    private static func crc32c(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var crc = UInt32.max
        for byte in bytes { crc = crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
        return ~crc
    }
    private static let table: [UInt32] = (0..<256).map { index in
        var value = UInt32(index)
        for _ in 0..<8 { value = value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82F6_3B78 }
        return value
    }

    // MARK: Messages

    private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    private static func integer(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    private static func varint(_ value: UInt64) -> [UInt8] {
        var result: [UInt8] = []
        var rest = value
        while rest >= 0x80 {
            result.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return result + [UInt8(rest)]
    }
    private static func field(_ number: UInt8, bytes: [UInt8]) -> [UInt8] {
        [number << 3 | 2] + varint(UInt64(bytes.count)) + bytes
    }

    /// The fields of a message: numbers in `integer`, texts and messages in `bytes`. nil when it is damaged.
    private static func fields(_ bytes: ArraySlice<UInt8>) -> [(
        number: UInt64, integer: UInt64, bytes: ArraySlice<UInt8>
    )]? {
        var result: [(number: UInt64, integer: UInt64, bytes: ArraySlice<UInt8>)] = []
        var rest = bytes
        func readVarint() -> UInt64? {
            var value: UInt64 = 0
            for shift in stride(from: UInt64(0), through: 63, by: 7) {
                guard let byte = rest.popFirst() else { return nil }
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
            }
            return nil
        }
        func take(_ count: UInt64) -> ArraySlice<UInt8>? {
            guard count <= UInt64(rest.count) else { return nil }
            defer { rest = rest.dropFirst(Int(count)) }
            return rest.prefix(Int(count))
        }
        while !rest.isEmpty {
            guard let key = readVarint() else { return nil }
            var value: UInt64 = 0
            var content: ArraySlice<UInt8> = []
            switch key & 7 {
            case 0:
                guard let read = readVarint() else { return nil }
                value = read
            case 1, 5:
                guard let read = take(key & 7 == 1 ? 8 : 4) else { return nil }
                value = integer(read)
            case 2:
                guard let length = readVarint(), let read = take(length) else { return nil }
                content = read
            default: return nil
            }
            result.append((key >> 3, value, content))
        }
        return result
    }

    private static func parse(_ message: ArraySlice<UInt8>) -> Event? {
        guard let fields = fields(message) else { return nil }
        var event = Event(step: 0, values: [], time: 0)
        for field in fields {
            switch field.number {
            case 1: event.time = Double(bitPattern: field.integer)
            case 2: event.step = Int(clamping: field.integer)
            case 5:
                for value in Self.fields(field.bytes) ?? [] where value.number == 1 {
                    guard let parts = Self.fields(value.bytes),
                        let tag = parts.first(where: { $0.number == 1 }),
                        let number = parts.first(where: { $0.number == 2 })
                    else { return nil }
                    event.values.append(
                        (
                            String(decoding: tag.bytes, as: UTF8.self),
                            Double(Float(bitPattern: UInt32(truncatingIfNeeded: number.integer)))
                        ))
                }
            default: break
            }
        }
        return event
    }
}
