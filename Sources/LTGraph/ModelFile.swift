// ModelFile: an open ONNX file and where the elements of its large initializers lie, which are read from it directly to where
// they belong.

import CONNX
import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

final class ModelFile {
    /// Initializers of at least this many bytes are left in the file while the rest is parsed.
    private static let least: Int64 = 4096

    private let file: OpenFile
    private var ranges: [lt_onnx_range] = []

    /// - Throws: `io` for what cannot be opened or is no regular file; `unsupported` beyond 2 GB.
    init(_ path: String) throws(LTError) {
        file = try OpenFile(path)
        guard file.byteCount <= Int(Int32.max) else {
            throw LTError(
                .unsupported, "\(file.byteCount) bytes, protobuf parses at most 2 GB",
                hint: "keep large initializers as external data beside the model")
        }
    }

    /// The model without the elements of its large initializers; `lt_onnx_model_free` is the caller's.
    func parse() throws(LTError) -> OpaquePointer {
        var list: UnsafeMutablePointer<lt_onnx_range>?
        var count = 0
        guard let message = lt_onnx_model_read_deferring(file.descriptor, Self.least, &list, &count) else {
            throw connxError()
        }
        ranges = Array(UnsafeBufferPointer(start: list, count: count))
        free(list)
        return message
    }

    /// Bytes of initializer `index` that were left in the file; nil where the message has them.
    func byteCount(_ index: Int) -> Int? {
        index < ranges.count && ranges[index].count > 0 ? Int(ranges[index].count) : nil
    }

    /// The elements of initializer `index`.
    func buffer(_ index: Int, deferring: Bool) throws(LTError) -> Buffer {
        try file.buffer(Int(ranges[index].count), from: Int(ranges[index].offset), deferring: deferring)
    }
}
