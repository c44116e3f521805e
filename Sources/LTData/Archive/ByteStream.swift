// ByteStream: the bytes of a file from front to end, inflated on the way when it is a gzip file (RFC 1952, by zlib, which
// checks length and CRC). Memory is two blocks, whatever the file's size.

import CZlib
import Foundation
import LTCore

/// A file that is read once.
final class ByteStream {
    private let file: UnsafeMutablePointer<FILE>
    private let path: String
    private let block: UnsafeMutablePointer<UInt8>
    private static let blockSize = 1 << 16
    /// zlib's state, at a fixed place; nil for a file that is not packed.
    private var inflater: UnsafeMutablePointer<z_stream>?
    private var isAtEnd = false
    /// Bytes that may still come out.
    private var left: Int

    /// - Parameter limit: unpacked bytes; a file of more is an error.
    init(_ path: String, limit: Int) throws(LTError) {
        guard let file = fopen(path, "rbe") else { throw systemError("cannot open \(path)") }
        self.file = file
        self.path = path
        left = limit
        block = .allocate(capacity: Self.blockSize)
        let isPacked = getc(file) == 0x1F && getc(file) == 0x8B
        rewind(file)
        guard isPacked else { return }
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 15 bits of window; 16 more say gzip.
        guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            stream.deallocate()
            throw LTError(.outOfMemory, "cannot start zlib")
        }
        inflater = stream
    }

    deinit {
        if let inflater {
            inflateEnd(inflater)
            inflater.deallocate()
        }
        block.deallocate()
        fclose(file)
    }

    /// Fills memory; fewer bytes only at the end.
    /// - Throws: `io`; `malformed` for a damaged or truncated file; `outOfMemory` beyond the limit.
    func read(into memory: UnsafeMutableRawBufferPointer) throws(LTError) -> Int {
        guard let base = memory.baseAddress, !isAtEnd else { return 0 }
        let count: Int
        if let inflater {
            count = try inflate(inflater, base, memory.count)
        } else {
            count = try load(base, memory.count)
        }
        isAtEnd = count < memory.count
        left -= count
        guard left >= 0 else { throw LTError(.outOfMemory, "\(path) unpacks to more than it may") }
        return count
    }

    private func load(_ memory: UnsafeMutableRawPointer, _ size: Int) throws(LTError) -> Int {
        let count = fread(memory, 1, size, file)
        guard count == size || ferror(file) == 0 else { throw systemError("cannot read \(path)") }
        return count
    }

    private func inflate(
        _ stream: UnsafeMutablePointer<z_stream>, _ memory: UnsafeMutableRawPointer, _ size: Int
    ) throws(LTError) -> Int {
        var done = 0
        while done < size {
            if stream.pointee.avail_in == 0 {
                stream.pointee.avail_in = UInt32(try load(block, Self.blockSize))
                stream.pointee.next_in = block
                guard stream.pointee.avail_in > 0 else { throw truncated }
            }
            let piece = min(size - done, 1 << 30)
            stream.pointee.next_out = (memory + done).assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_out = UInt32(piece)
            let status = CZlib.inflate(stream, Z_NO_FLUSH)
            done += piece - Int(stream.pointee.avail_out)
            switch status {
            case Z_OK, Z_BUF_ERROR: continue
            case Z_STREAM_END: if try !nextMember(stream) { return done }
            default:
                let reason = stream.pointee.msg.map { String(cString: $0) } ?? "error \(status)"
                throw LTError(.malformed, "\(path) is damaged: \(reason)")
            }
        }
        return done
    }

    /// Several gzip files one after another are one; zeros may fill up the end.
    private func nextMember(_ stream: UnsafeMutablePointer<z_stream>) throws(LTError) -> Bool {
        while true {
            if stream.pointee.avail_in == 0 {
                stream.pointee.avail_in = UInt32(try load(block, Self.blockSize))
                stream.pointee.next_in = block
                if stream.pointee.avail_in == 0 { return false }
            }
            guard stream.pointee.next_in.pointee == 0 else { break }
            stream.pointee.next_in += 1
            stream.pointee.avail_in -= 1
        }
        guard inflateReset(stream) == Z_OK else { throw LTError(.library, "zlib cannot go on") }
        return true
    }

    private var truncated: LTError {
        LTError(.malformed, "\(path) is truncated: the packed data end too early", hint: "fetch the file again")
    }
}
