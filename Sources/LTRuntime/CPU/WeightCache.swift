// WeightCache: packed weights in a folder, mapped by later processes as they lie there: nothing is transformed again, and the
// processes of one machine share the memory.

import CDNNL
import CLTKernels
import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where the packed weights of a model are kept from one process to the next. The folder may be deleted at any time and holds any
/// number of models; who may write to it is trusted like one who may write to the models.
public struct WeightCache: Sendable, Hashable {
    public let directory: String
    /// The SHA-256 of the model.
    public let model: String

    /// - Parameter directory: made when it is not there yet.
    /// - Throws: `io`.
    public init(_ directory: String, model: String) throws(LTError) {
        self.directory = directory
        self.model = model
        guard mkdir(directory, 0o777) == 0 || errno == EEXIST else {
            throw systemError("cannot make the cache \(directory)")
        }
        guard isFolder(directory) == true else { throw LTError(.io, "the cache \(directory) is not a folder") }
    }

    /// The digest of a file, which `make` computes by reading it; remembered in `directory` for as long as the identity is the file's.
    public static func digest(
        of identity: FileIdentity, in directory: String, _ make: () throws(LTError) -> String
    ) throws(LTError) -> String {
        let note = "\(directory)/\(SHA256.digest(of: identity.text)).digest"
        if let known = try? readFile(note, limit: 1024), let text = try? known.withBytes({ Array($0) }),
            text.count == 64, text.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        {
            return String(decoding: text, as: UTF8.self)
        }
        let digest = try make()
        if identity.isSettled { try? replaceFile(note, with: Array(digest.utf8)) }
        return digest
    }
}

/// The part of a cache that one plan reads and fills. A file per weight: its bytes, then what they are.
struct PackedFiles: Sendable {
    /// Goes up when, within a version, a kernel packs otherwise than before or a pass makes other constants.
    private static let format = 1
    /// Smaller ones are packed sooner than they are found.
    static let leastBytes = 1 << 16
    private static let mark = "LongTail packed weights"

    private let folder: String

    init(_ cache: WeightCache, _ precision: Precision) {
        // Panels and blocks depend on the instructions; what is packed at all on the precision and on the version's passes.
        let form = "\(longtailVersion)-\(precision.rawValue)-isa\(lt_isa_level().rawValue)-\(Self.format)"
        folder = "\(cache.directory)/\(cache.model)-\(form)"
    }

    private func path(_ key: String) -> String { "\(folder)/\(SHA256.digest(of: key).prefix(32)).weights" }

    /// What follows the bytes: at least 64 bytes, since SIMD loads may run over the end.
    private static func trailer(_ key: String) -> [UInt8] {
        let text = Array("\(mark)\n\(key)\n".utf8)
        return text + [UInt8](repeating: 0, count: max(0, 64 - text.count))
    }

    /// The bytes kept under `key`, mapped; nil where there are none.
    func find(_ key: String, byteCount: Int) -> Buffer? {
        let descriptor = open(path(key), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let trailer = Self.trailer(key)
        let length = byteCount + trailer.count
        var status = stat()
        var last = [UInt8](repeating: 0, count: trailer.count)
        guard fstat(descriptor, &status) == 0, Int(status.st_size) == length,
            pread(descriptor, &last, last.count, byteCount) == last.count, last == trailer,
            let memory = mmap(nil, length, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor, 0), memory != MAP_FAILED
        else { return nil }
        nonisolated(unsafe) let mapped = memory
        return Buffer(wrapping: memory, byteCount: byteCount) { munmap(mapped, length) }
    }

    /// Keeps the bytes. What cannot be written (a folder that is read only, a full disk) is packed anew the next time.
    func keep(_ key: String, _ buffer: Buffer) {
        mkdir(folder, 0o777)
        try? replaceFile(path(key)) { descriptor throws(LTError) in
            try writeAll(buffer.bytes, to: descriptor)
            try writeAll(Self.trailer(key), to: descriptor)
        }
    }
}

extension MemoryDesc {
    /// The layout in words that are the same in every process; nil for layouts that only oneDNN knows.
    var words: String? {
        guard raw.format_kind == dnnl_blocked else { return nil }
        let rank = Int(raw.ndims)
        func list<Values, Element>(_ values: Values, _ count: Int, _: Element.Type) -> String {
            withUnsafeBytes(of: values) { bytes in
                bytes.bindMemory(to: Element.self).prefix(count).map { "\($0)" }.joined(separator: " ")
            }
        }
        let blocking = raw.format_desc.blocking
        let blocks = Int(blocking.inner_nblks)
        let extra = raw.extra
        return [
            "\(raw.data_type.rawValue)",
            list(raw.padded_dims, rank, Int64.self), list(blocking.strides, rank, Int64.self),
            list(blocking.inner_blks, blocks, Int64.self), list(blocking.inner_idxs, blocks, Int64.self),
            "\(extra.flags) \(extra.compensation_mask) \(extra.scale_adjust) \(extra.asymm_compensation_mask)",
        ].joined(separator: ", ")
    }
}
