// OpenFile: a file that stays open for as long as somebody may want bytes of it: one that is replaced meanwhile (by a rename) is
// still there, one that is written to is noticed.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

final class OpenFile: Sendable {
    let descriptor: Int32
    let byteCount: Int
    private let stamp: [Int]

    /// - Throws: `io` for what cannot be opened or is no regular file.
    init(_ path: String) throws(LTError) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            (byteCount, stamp) = (0, [])
            throw systemError("cannot open")
        }
        var status = stat()
        let known = fstat(descriptor, &status) == 0
        stamp = Self.stamp(status)
        byteCount = Int(status.st_size)
        guard known else { throw systemError("cannot read") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let folder = status.st_mode & S_IFMT == S_IFDIR
            throw LTError(.io, folder ? "a folder, expected an ONNX file" : "not a regular file")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private static func stamp(_ status: stat) -> [Int] {
        [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, Int(status.st_size)]
    }

    /// Reads `byteCount` bytes from `offset` on.
    /// - Throws: `io` where they cannot be read, or where the file has been written to since it was opened.
    func read(_ byteCount: Int, from offset: Int, to target: UnsafeMutableRawPointer) throws(LTError) {
        var done = 0
        while done < byteCount {
            let count = pread(descriptor, target + done, byteCount - done, offset + done)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw systemError("read \(done) of \(byteCount) bytes") }
            done += count
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, Self.stamp(status) == stamp else {
            throw LTError(
                .io, "the model's file was written to after it was opened",
                hint: "load it again; replace models by renaming a complete file")
        }
    }

    /// A part of the file as memory, read now or, large ones with `deferring`, when it is needed.
    func buffer(_ byteCount: Int, from offset: Int, deferring: Bool) throws(LTError) -> Buffer {
        if deferring, byteCount >= 65536 {
            return try Buffer(byteCount: byteCount) { [self] target throws(LTError) in
                try read(byteCount, from: offset, to: target)
            }
        }
        let buffer = try Buffer(byteCount: byteCount)
        try read(byteCount, from: offset, to: buffer.pointer)
        return buffer
    }
}
