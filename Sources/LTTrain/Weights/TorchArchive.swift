// TorchArchive: PyTorch's .pth since 1.6: a zip archive of stored files, NAME/data.pkl with the pickle and NAME/data/KEY with
// a storage each. Zip: PKWARE's APPNOTE 6.3.9, with zip64.

import LTCore
import OrderedCollections

struct TorchArchive {
    private let file: RandomAccessFile
    /// Where each stored file's bytes lie.
    private let members: [String: Range<Int>]
    private static let maximumPickle = 1 << 28

    /// Reads the archive's directory.
    /// - Throws: `malformed`; `unsupported` for compressed or encrypted members.
    init(_ file: RandomAccessFile) throws(LTError) {
        self.file = file
        let directory = try Self.directory(file)
        let bytes = try file.read(at: directory.offset, count: directory.size)
        var members: [String: Range<Int>] = [:]
        var offset = 0
        for _ in 0..<directory.count {
            guard try bytes.number(UInt32.self, at: offset) == 0x0201_4B50, offset + 46 <= bytes.byteCount else {
                throw LTError(.malformed, "no entry of the zip directory at \(offset)")
            }
            let flags = try bytes.number(UInt16.self, at: offset + 8)
            let method = try bytes.number(UInt16.self, at: offset + 10)
            var sizes = [
                try bytes.number(UInt32.self, at: offset + 24), try bytes.number(UInt32.self, at: offset + 20),
                try bytes.number(UInt32.self, at: offset + 42),
            ]
            let nameLength = try bytes.number(UInt16.self, at: offset + 28)
            let extraLength = try bytes.number(UInt16.self, at: offset + 30)
            let commentLength = try bytes.number(UInt16.self, at: offset + 32)
            let next = offset + 46 + nameLength + extraLength + commentLength
            guard next <= bytes.byteCount else { throw LTError(.malformed, "the zip directory is cut off") }
            let name = String(
                decoding: UnsafeRawBufferPointer(rebasing: bytes.bytes[offset + 46..<offset + 46 + nameLength]),
                as: UTF8.self)
            try Self.wide(&sizes, bytes, offset + 46 + nameLength..<offset + 46 + nameLength + extraLength)
            guard flags & 1 == 0, method == 0, sizes[0] == sizes[1] else {
                throw LTError(
                    .unsupported,
                    "'\(name)' is compressed or encrypted, expected stored files as torch.save writes them")
            }
            members[name] = try Self.place(file, header: sizes[2], size: sizes[0], name)
            offset = next
        }
        self.members = members
    }

    /// Uncompressed size, compressed size and offset that did not fit 32 bits, from the extra field 1.
    private static func wide(_ sizes: inout [Int], _ bytes: Buffer, _ range: Range<Int>) throws(LTError) {
        guard sizes.contains(0xFFFF_FFFF) else { return }
        var offset = range.lowerBound
        while offset + 4 <= range.upperBound {
            let id = try bytes.number(UInt16.self, at: offset)
            let end = offset + 4 + (try bytes.number(UInt16.self, at: offset + 2))
            guard end <= range.upperBound else { break }
            if id == 1 {
                var field = offset + 4
                for index in sizes.indices where sizes[index] == 0xFFFF_FFFF {
                    guard field + 8 <= end else { throw LTError(.malformed, "a zip64 field is cut off") }
                    sizes[index] = try bytes.number(UInt64.self, at: field)
                    field += 8
                }
                return
            }
            offset = end
        }
        throw LTError(.malformed, "a zip entry without its zip64 sizes")
    }

    /// The bytes behind a member's local header.
    private static func place(_ file: RandomAccessFile, header: Int, size: Int, _ name: String) throws(LTError)
        -> Range<Int>
    {
        let local = try file.read(at: header, count: 30)
        guard try local.number(UInt32.self, at: 0) == 0x0403_4B50 else {
            throw LTError(.malformed, "no local zip header of '\(name)' at \(header)")
        }
        let start =
            header + 30 + (try local.number(UInt16.self, at: 26)) + (try local.number(UInt16.self, at: 28))
        guard start <= file.size, size <= file.size - start else {
            throw LTError(.malformed, "'\(name)' of \(size) bytes at \(start), the file has \(file.size)")
        }
        return start..<start + size
    }

    /// Where the central directory is.
    private static func directory(_ file: RandomAccessFile) throws(LTError) -> (offset: Int, size: Int, count: Int) {
        let tailSize = min(file.size, 22 + 0xFFFF)
        let tailStart = file.size - tailSize
        let tail = try file.read(at: tailStart, count: tailSize)
        var end = tailSize - 22
        while end >= 0, try tail.number(UInt32.self, at: end) != 0x0605_4B50 { end -= 1 }
        guard end >= 0 else { throw LTError(.malformed, "the zip archive has no end: the file is cut off") }
        var count = try tail.number(UInt16.self, at: end + 10)
        var size = try tail.number(UInt32.self, at: end + 12)
        var offset = try tail.number(UInt32.self, at: end + 16)
        if end >= 20, try tail.number(UInt32.self, at: end - 20) == 0x0706_4B50 {
            let record = try file.read(at: try tail.number(UInt64.self, at: end - 12), count: 56)
            guard try record.number(UInt32.self, at: 0) == 0x0606_4B50 else {
                throw LTError(.malformed, "no zip64 end record")
            }
            count = try record.number(UInt64.self, at: 32)
            size = try record.number(UInt64.self, at: 40)
            offset = try record.number(UInt64.self, at: 48)
        }
        // An entry takes 46 bytes at least.
        guard size <= tailStart + end, count <= size / 46 else {
            throw LTError(.malformed, "a zip directory of \(count) entries in \(size) bytes")
        }
        return (offset, size, count)
    }

    /// The tensors of the state dict.
    func entries() throws(LTError) -> OrderedDictionary<String, WeightFile.Entry> {
        guard let name = members.keys.filter({ $0.hasSuffix("/data.pkl") && $0.split(separator: "/").count == 2 }).min()
        else { throw LTError(.unsupported, "a zip archive without data.pkl: torch.save did not write it") }
        let root = name.dropLast("data.pkl".count)
        guard members["\(root)constants.pkl"] == nil else {
            throw LTError(
                .unsupported, "a TorchScript archive", hint: "torch.save(model.state_dict(), …), or export ONNX")
        }
        if let order = members["\(root)byteorder"] {
            let bytes = try file.read(at: order.lowerBound, count: min(order.count, 16))
            guard Array(bytes.bytes) == Array("little".utf8) else {
                throw LTError(.unsupported, "storages of big-endian numbers")
            }
        }
        guard let pickle = members[name], pickle.count <= Self.maximumPickle else {
            throw LTError(.unsupported, "a pickle of more than \(Self.maximumPickle) bytes")
        }
        let bytes = try file.read(at: pickle.lowerBound, count: pickle.count)
        let references = try within(name) { () throws(LTError) in
            try TorchPickle.references(try TorchPickle.read(bytes).value)
        }
        return try TorchPickle.entries(references, file) { (reference) throws(LTError) in
            guard let place = members["\(root)data/\(reference.key)"] else {
                throw LTError(.malformed, "the archive has no storage '\(reference.key)'")
            }
            guard place.count >= reference.capacity * (reference.type.bits / 8) else {
                throw LTError(.malformed, "storage '\(reference.key)' has \(place.count) bytes, too few")
            }
            return place.lowerBound
        }
    }
}
