// RandomAccessFile: ranges of a file, checked against its size before anything is allocated.

import Foundation
import LTCore

/// An open regular file.
final class RandomAccessFile: Sendable {
    /// Bytes.
    let size: Int
    private let descriptor: Int32

    /// - Throws: `io`.
    init(_ path: String) throws(LTError) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw systemError("cannot open") }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            let folder = status.st_mode & S_IFMT == S_IFDIR
            throw LTError(.io, folder ? "a folder, expected a file" : "not a regular file")
        }
        size = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// A range of the file.
    /// - Throws: `malformed` when it lies outside the file; `io`.
    func read(at offset: Int, count: Int) throws(LTError) -> Buffer {
        guard offset >= 0, count >= 0, offset <= size, count <= size - offset else {
            throw LTError(.malformed, "\(count) bytes at \(offset), the file has \(size)")
        }
        let buffer = try Buffer(byteCount: count)
        var done = 0
        while done < count {
            let got = pread(descriptor, buffer.pointer + done, count - done, off_t(offset + done))
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { throw got < 0 ? systemError("cannot read") : LTError(.io, "the file became shorter") }
            done += got
        }
        return buffer
    }

    /// The elements of a type from `offset` on as a tensor.
    func tensor(_ type: ElementType, _ shape: Shape, at offset: Int) throws(LTError) -> Tensor {
        Tensor(type, shape, buffer: try read(at: offset, count: Tensor.byteCount(type, shape)))
    }

    /// Whether the file has the mark of a tar archive.
    func isTar() throws(LTError) -> Bool {
        guard size >= 512 else { return false }
        let mark = try read(at: 257, count: 5)
        return withExtendedLifetime(mark) { mark.bytes.elementsEqual("ustar".utf8) }
    }
}

extension Buffer {
    /// A little-endian number of `Value`'s size.
    /// - Throws: `malformed` beyond the end.
    func number<Value: FixedWidthInteger & UnsignedInteger>(_: Value.Type, at offset: Int) throws(LTError) -> Int {
        guard offset >= 0, offset <= byteCount - MemoryLayout<Value>.size else {
            throw LTError(.malformed, "a number at \(offset) of \(byteCount) bytes")
        }
        guard let value = Int(exactly: Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self)))
        else { throw LTError(.malformed, "a number at \(offset) beyond 2^63") }
        return value
    }
}
