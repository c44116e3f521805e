// ModelFile: an open ONNX file and where the elements of its large initializers lie, which are read from it directly to where
// they belong.

import CONNX
import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An ONNX file that stays open for as long as somebody may want elements of it: one that is replaced meanwhile (by a rename)
/// is still there, one that is written to is noticed.
final class ModelFile: Sendable {
    /// Initializers of at least this many bytes are left in the file while the rest is parsed.
    private static let least: Int64 = 4096

    private let descriptor: Int32
    private let stamp: [Int]
    private let ranges = Lock<[lt_onnx_range]>([])

    /// Takes over an open file.
    /// - Throws: `io` for what is no regular file; `unsupported` beyond 2 GB.
    init(_ descriptor: Int32) throws(LTError) {
        self.descriptor = descriptor
        var status = stat()
        let known = fstat(descriptor, &status) == 0
        stamp = Self.stamp(status)
        guard known else { throw systemError("cannot read") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let folder = status.st_mode & S_IFMT == S_IFDIR
            throw LTError(.io, folder ? "a folder, expected an ONNX file" : "not a regular file")
        }
        guard status.st_size <= Int(Int32.max) else {
            throw LTError(
                .unsupported, "\(status.st_size) bytes, protobuf parses at most 2 GB",
                hint: "keep large initializers as external data beside the model")
        }
    }

    deinit { close(descriptor) }

    private static func stamp(_ status: stat) -> [Int] {
        [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, Int(status.st_size)]
    }

    /// The model without the elements of its large initializers; `lt_onnx_model_free` is the caller's.
    func parse() throws(LTError) -> OpaquePointer {
        var list: UnsafeMutablePointer<lt_onnx_range>?
        var count = 0
        guard let message = lt_onnx_model_read_deferring(descriptor, Self.least, &list, &count) else {
            throw connxError()
        }
        ranges.withLock { $0 = Array(UnsafeBufferPointer(start: list, count: count)) }
        free(list)
        return message
    }

    /// Bytes of initializer `index` that were left in the file; nil where the message has them.
    func byteCount(_ index: Int) -> Int? {
        ranges.withLock { index < $0.count && $0[index].count > 0 ? Int($0[index].count) : nil }
    }

    /// Reads the elements of initializer `index`.
    /// - Throws: `io` where the file cannot be read, or has been written to since it was opened.
    func read(_ index: Int, to target: UnsafeMutableRawPointer) throws(LTError) {
        let range = ranges.withLock { $0[index] }
        let (offset, byteCount) = (Int(range.offset), Int(range.count))
        var done = 0
        while done < byteCount {
            let count = pread(descriptor, target + done, byteCount - done, offset + done)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw systemError("read \(done) of \(byteCount) bytes of an initializer") }
            done += count
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, Self.stamp(status) == stamp else {
            throw LTError(
                .io, "the model's file was written to after it was opened",
                hint: "load it again; replace models by renaming a complete file")
        }
    }
}
