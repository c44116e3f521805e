// TarReader: the files inside a .tar or .tar.gz, in order, without unpacking to disk. POSIX ustar, pax and GNU headers.
// https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13

import Foundation
import LTCore

/// An archive that is read from front to end.
struct TarReader {
    /// A regular file in the archive.
    struct Member {
        /// As the archive says, without a leading "./".
        var name: String
        var size: Int
    }

    private let stream: ByteStream
    private let path: String
    /// Bytes of the current member that were not read, and of its padding.
    private var rest = 0
    private var padding = 0

    /// - Parameter limit: unpacked bytes of the whole archive.
    init(_ path: String, limit: Int = 1 << 33) throws(LTError) {
        stream = try ByteStream(path, limit: limit)
        self.path = path
    }

    /// Reads the wanted files; the archive is read to its end, so that damage anywhere is seen.
    /// - Throws: `io`; `malformed` for what is no archive, damaged or truncated; `outOfMemory` for a file beyond `limit`.
    static func files(
        in path: String, limit: Int = 1 << 31, wanted: (String) -> Bool
    ) throws(LTError) -> [String: Buffer] {
        try within("archive \(path)") { () throws(LTError) in
            var reader = try TarReader(path)
            var files: [String: Buffer] = [:]
            while let member = try reader.next() {
                guard wanted(member.name) else { continue }
                guard member.size <= limit else {
                    throw LTError(.outOfMemory, "\(member.name) has \(member.size) bytes, more than \(limit)")
                }
                files[member.name] = try reader.content(member)
            }
            return files
        }
    }

    /// The next regular file; nil at the end.
    mutating func next() throws(LTError) -> Member? {
        try skip(rest + padding)
        var name: String?
        var size: Int?
        while true {
            let header = try block()
            guard let header else { throw truncated }
            if header.allSatisfy({ $0 == 0 }) {
                // The end: what follows only has to be intact.
                while try take(1 << 16).count > 0 {}
                return nil
            }
            try checkSum(header)
            let stated = try number(header[124..<136])
            rest = size ?? stated
            padding = (512 - rest % 512) % 512
            switch header[156] {
            case UInt8(ascii: "L"): name = try text(size: stated)
            case UInt8(ascii: "x"): (name, size) = try extended(stated, name, size)
            case UInt8(ascii: "0"), UInt8(ascii: "7"), 0:
                var found = name ?? joined(header)
                if found.hasPrefix("./") { found.removeFirst(2) }
                return Member(name: found, size: rest)
            default:
                // Folders, links and global headers are passed over.
                try skip(rest + padding)
                (name, size) = (nil, nil)
            }
        }
    }

    /// The bytes of the member that `next` returned last.
    mutating func content(_ member: Member) throws(LTError) -> Buffer {
        let buffer = try Buffer(byteCount: rest)
        guard try stream.read(into: buffer.mutableBytes) == rest else { throw truncated }
        rest = 0
        return buffer
    }

    private var truncated: LTError { LTError(.malformed, "\(path) is truncated: it ends inside a file") }

    private func take(_ count: Int) throws(LTError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var outcome: Result<Int, LTError> = .success(0)
        bytes.withUnsafeMutableBytes { memory in
            do throws(LTError) { outcome = .success(try stream.read(into: memory)) } catch { outcome = .failure(error) }
        }
        bytes.removeLast(count - (try outcome.get()))
        return bytes
    }

    private mutating func skip(_ count: Int) throws(LTError) {
        var left = count
        while left > 0 {
            let got = try take(min(left, 1 << 16)).count
            guard got > 0 else { throw truncated }
            left -= got
        }
        (rest, padding) = (0, 0)
    }

    private func block() throws(LTError) -> [UInt8]? {
        let bytes = try take(512)
        guard bytes.count == 512 || bytes.isEmpty else { throw truncated }
        return bytes.isEmpty ? nil : bytes
    }

    /// The sum of the header's bytes, its own field taken as blanks.
    private func checkSum(_ header: [UInt8]) throws(LTError) {
        var sum = 8 * 32
        for (index, byte) in header.enumerated() where !(148..<156).contains(index) { sum += Int(byte) }
        guard let stated = try? number(header[148..<156]), stated == sum else {
            throw LTError(.malformed, "\(path) is no tar archive, or damaged: a header's checksum is wrong")
        }
    }

    /// Octal digits, or binary with the highest bit set.
    private func number(_ field: ArraySlice<UInt8>) throws(LTError) -> Int {
        let malformed = LTError(.malformed, "\(path): a header with a bad number")
        var value = 0
        if let first = field.first, first & 0x80 != 0 {
            for byte in field.dropFirst() {
                guard value < 1 << 47 else { throw malformed }
                value = value << 8 | Int(byte)
            }
        } else {
            let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0x20 && $0 != 0 }
            for digit in digits {
                guard (48...55).contains(digit), value < 1 << 47 else { throw malformed }
                value = value << 3 | Int(digit - 48)
            }
        }
        return value
    }

    private func joined(_ header: [UInt8]) -> String {
        func field(_ range: Range<Int>) -> String { String(decoding: header[range].prefix { $0 != 0 }, as: UTF8.self) }
        let prefix = header[257..<263].elementsEqual("ustar\0".utf8) ? field(345..<500) : ""
        return prefix.isEmpty ? field(0..<100) : prefix + "/" + field(0..<100)
    }

    /// A GNU long name, or the records of a pax header.
    private mutating func text(size: Int) throws(LTError) -> String {
        guard size <= 1 << 20 else { throw LTError(.malformed, "\(path): a header of \(size) bytes") }
        let bytes = try take(size)
        guard bytes.count == size else { throw truncated }
        try skip((512 - size % 512) % 512)
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Records "LENGTH KEY=VALUE\n"; path and size matter here.
    private mutating func extended(_ count: Int, _ name: String?, _ size: Int?) throws(LTError) -> (String?, Int?) {
        var (name, size) = (name, size)
        for record in try text(size: count).split(separator: "\n") {
            guard let blank = record.firstIndex(of: " "), let equals = record.firstIndex(of: "="), blank < equals else {
                continue
            }
            let value = String(record[record.index(after: equals)...])
            switch record[record.index(after: blank)..<equals] {
            case "path": name = value
            case "size":
                guard let number = Int(value), (0..<1 << 48).contains(number) else {
                    throw LTError(.malformed, "\(path): a file of \(value) bytes")
                }
                size = number
            default: break
            }
        }
        return (name, size)
    }
}
