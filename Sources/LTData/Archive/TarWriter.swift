// TarWriter: small .tar.gz files: ustar headers (POSIX.1-1988), gzip by zlib. No times and owners: the same files give the
// same bytes.

import CZlib
import LTCore

enum TarWriter {
    /// An archive of files, with their paths inside it (below 100 bytes).
    /// - Throws: `invalidArgument` for a path or file that a header cannot say; `outOfMemory`.
    static func gzip(_ files: [(path: String, bytes: [UInt8])]) throws(LTError) -> [UInt8] {
        var archive: [UInt8] = []
        for file in files {
            guard file.path.utf8.count < 100, file.bytes.count < 1 << 33 else {
                throw LTError(.invalidArgument, "\(file.path) of \(file.bytes.count) bytes does not fit a tar header")
            }
            archive += header(file.path, file.bytes.count)
            archive += file.bytes
            archive += [UInt8](repeating: 0, count: (512 - file.bytes.count % 512) % 512)
        }
        archive += [UInt8](repeating: 0, count: 1024)
        return try deflated(archive)
    }

    private static func header(_ path: String, _ size: Int) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        put(path, at: 0)
        put(octal(0o644, 7), at: 100)
        put(octal(0, 7), at: 108)
        put(octal(0, 7), at: 116)
        put(octal(size, 11), at: 124)
        put(octal(0, 11), at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        let sum = block.reduce(0) { $0 + Int($1) }
        put(octal(sum, 6), at: 148)
        block[154] = 0
        return block
    }

    private static func deflated(_ bytes: [UInt8]) throws(LTError) -> [UInt8] {
        var stream = z_stream()
        // 15 bits of window; 16 more say gzip.
        let began = deflateInit2_(
            &stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard began == Z_OK else { throw LTError(.outOfMemory, "cannot start zlib") }
        defer { deflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
        guard let size = UInt32(exactly: bytes.count), let room = UInt32(exactly: output.count) else {
            throw LTError(.invalidArgument, "an archive of \(bytes.count) bytes, expected less than 4 GiB")
        }
        let ended = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = size
                stream.next_out = target.baseAddress
                stream.avail_out = room
                return deflate(&stream, Z_FINISH)
            }
        }
        guard ended == Z_STREAM_END else { throw LTError(.library, "zlib: code \(ended)") }
        return Array(output.prefix(Int(stream.total_out)))
    }
}
