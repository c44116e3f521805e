// Files: ones that appear complete or not at all, and what libc says when a call fails.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The error of the system call that just failed, by its `errno`.
public func systemError(_ what: String) -> LTError { LTError(.io, "\(what): \(String(cString: strerror(errno)))") }

/// The absolute path without symbolic links; nil (and errno) when there is none.
public func realPath(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
}

/// Gives `path` new content: `body` writes it to the descriptor of a file beside it (open for reading too), which is then
/// flushed to the disk and renamed. When anything fails, what stood at `path` before stays.
/// - Throws: `io` (no such folder, read-only, disk full), and what `body` throws.
public func replaceFile(_ path: String, _ body: (Int32) throws(LTError) -> Void) throws(LTError) {
    // A link keeps pointing: the file behind it is replaced.
    let target = realPath(path) ?? path
    var status = stat()
    let exists = stat(target, &status) == 0
    if exists && status.st_mode & S_IFMT != S_IFREG {
        let folder = status.st_mode & S_IFMT == S_IFDIR
        throw LTError(.io, folder ? "a folder stands there" : "what stands there is not a regular file")
    }
    let directory = target.lastIndex(of: "/").map { String(target[...$0]) } ?? "./"
    let temporary = "\(directory).longtail-\(getpid())-\(UInt32.random(in: 0 ... .max)).tmp"
    let descriptor = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw systemError("cannot write in \(directory)") }
    do throws(LTError) {
        defer { close(descriptor) }
        if exists { fchmod(descriptor, status.st_mode & 0o777) }
        try body(descriptor)
        guard fsync(descriptor) == 0 else { throw systemError("cannot flush") }
        guard rename(temporary, target) == 0 else { throw systemError("cannot put the new file in place") }
    } catch {
        unlink(temporary)
        throw error
    }
    // The name itself: best effort, some file systems refuse to sync folders.
    let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
        fsync(folder)
        close(folder)
    }
}

/// Gives `path` new content, complete or not at all.
/// - Throws: `io`.
public func replaceFile(_ path: String, with bytes: [UInt8]) throws(LTError) {
    try replaceFile(path) { descriptor throws(LTError) in
        try writeAll(bytes, to: descriptor)
    }
}

/// Writes all of the bytes where the descriptor stands.
/// - Throws: `io`.
public func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws(LTError) {
    try bytes.withUnsafeBufferPointer { bytes throws(LTError) in
        try writeAll(UnsafeRawBufferPointer(bytes), to: descriptor)
    }
}

/// The same for memory.
public func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws(LTError) {
    var done = 0
    while done < bytes.count, let start = bytes.baseAddress {
        let count = write(descriptor, start + done, bytes.count - done)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw systemError("wrote \(done) of \(bytes.count) bytes") }
        done += count
    }
}

/// Which file it is: what tells it from what stood or will stand at the same path: its place, size and times.
public struct FileIdentity: Sendable, Hashable {
    /// The path without symbolic links.
    public let path: String
    /// Device, number and size in bytes.
    private let place: [Int]
    /// When it, or what is known of it, was last changed: seconds and nanoseconds since 1970.
    private let times: [Int]

    /// nil (and errno) where there is no such file.
    public init?(_ path: String) {
        var status = stat()
        guard let real = realPath(path), stat(real, &status) == 0 else { return nil }
        self.path = real
        place = [
            Int(truncatingIfNeeded: status.st_dev), Int(truncatingIfNeeded: status.st_ino), Int(status.st_size),
        ]
        times = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
    }

    /// The same in every process.
    public var text: String { "\(path)\n\(place)\n\(times)" }

    /// Whether a write from now on must show in the times: those of a file that was just written may not move.
    public var isSettled: Bool {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return now.tv_sec - max(times[0], times[2]) > 2
    }
}

/// Reads a file, or a pipe, to its end.
/// - Throws: `io` when it cannot be opened or read or is a folder; `outOfMemory` beyond `limit` bytes.
public func readFile(_ path: String, limit: Int = 1 << 36) throws(LTError) -> Buffer {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw systemError("cannot open \(path)") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw systemError("cannot read \(path)") }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw LTError(.io, "\(path) is a folder, expected a file") }
    let tooLarge = LTError(.outOfMemory, "\(path) is larger than the limit of \(limit) bytes")
    // One byte more than said, so that the end is seen without growing.
    var capacity = status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) + 1 : 1 << 16
    guard capacity <= limit else { throw tooLarge }
    var buffer = try Buffer(byteCount: capacity)
    var count = 0
    while true {
        let got = read(descriptor, buffer.pointer + count, capacity - count)
        if got < 0 && errno == EINTR { continue }
        guard got >= 0 else { throw systemError("cannot read \(path)") }
        if got == 0 { break }
        count += got
        if count == capacity {
            guard capacity < limit else { throw tooLarge }
            capacity = min(capacity * 2, limit)
            let larger = try Buffer(byteCount: capacity)
            memcpy(larger.pointer, buffer.pointer, count)
            buffer = larger
        }
    }
    let whole = buffer
    return Buffer(wrapping: whole.pointer, byteCount: count) { withExtendedLifetime(whole) {} }
}

/// The names in a folder in byte order; neither `.` nor `..`.
/// - Throws: `io`.
public func listFolder(_ path: String) throws(LTError) -> [String] {
    guard let folder = opendir(path) else { throw systemError("cannot list folder \(path)") }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
            name.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: name.pointee)) {
                String(cString: $0)
            }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}

/// Whether a path, links followed, is a folder; `nil` where there is nothing.
public func isFolder(_ path: String) -> Bool? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return status.st_mode & S_IFMT == S_IFDIR
}
