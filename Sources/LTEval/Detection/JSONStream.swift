// JSONStream: a JSON file of any size read once, front to back, its large arrays in blocks that threads parse side by side.
// Memory is a few blocks per thread. The digest is taken of the bytes as they pass.

import CSIMDJSON
import Foundation
import LTCore

final class JSONStream {
    private static let blockSize = 4 << 20
    /// Bytes at the end of a block where its last element should end.
    private static let margin = 1 << 16
    /// The longest element.
    private static let maximumElement = 1 << 30

    private let path: String
    private let descriptor: Int32
    private var hash: SHA256?
    /// Bytes read and not yet consumed: `bytes[at..<count]`, of which `bytes[at]` is at `offset` in the file.
    private let window: Block
    private var at = 0
    private(set) var offset = 0
    private var isAtEnd = false

    /// - Parameter takesDigest: whether `digest` is wanted.
    init(_ path: String, takesDigest: Bool = true) throws(LTError) {
        self.path = path
        window = try Block(capacity: 1 << 17)
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemError("cannot open \(path)") }
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            throw LTError(.io, "\(path) is a folder, expected a JSON file")
        }
        hash = takesDigest ? SHA256() : nil
        // A byte order mark is what some editors leave in front.
        if try peek(3) == [0xEF, 0xBB, 0xBF] { drop(3) }
    }

    deinit { close(descriptor) }

    /// SHA-256 of the file, after `end()`.
    var digest: String? { hash?.digest }

    /// The file's size; 0 for a pipe.
    var size: Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : 0
    }

    func malformed(_ message: String) -> LTError { LTError(.malformed, "\(message) at byte \(offset)") }

    /// Appends up to `wanted` bytes of the file to a block; false at the end of the file.
    private func read(into block: Block, _ wanted: Int) throws(LTError) -> Bool {
        try block.reserve(block.count + wanted)
        while !isAtEnd {
            let got = Foundation.read(descriptor, block.bytes + block.count, wanted)
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw systemError("cannot read \(path)") }
            if got == 0 {
                isAtEnd = true
                break
            }
            hash?.update(UnsafeRawBufferPointer(start: block.bytes + block.count, count: got))
            block.count += got
            return true
        }
        return false
    }

    // MARK: Single values

    /// The next bytes, fewer at the end of the file.
    private func peek(_ count: Int) throws(LTError) -> [UInt8] {
        if at > 1 << 16 {
            window.dropFirst(at)
            at = 0
        }
        while window.count - at < count, try read(into: window, 1 << 16) {}
        return Array(UnsafeBufferPointer(start: window.bytes, count: window.count)[at...].prefix(count))
    }

    private func drop(_ count: Int) {
        at += count
        offset += count
    }

    /// The next byte that is no white space; `nil` at the end of the file.
    func next() throws(LTError) -> UInt8? {
        while let byte = try peek(1).first {
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            drop(1)
        }
        return nil
    }

    /// Passes over a byte that must come next.
    func expect(_ character: Character, _ place: String) throws(LTError) {
        guard let byte = try next() else { throw malformed("JSON ends \(place)") }
        guard byte == character.asciiValue else { throw malformed("JSON lacks '\(character)' \(place)") }
        drop(1)
    }

    /// Passes over a byte if it comes next.
    func skip(_ character: Character) throws(LTError) -> Bool {
        guard try next() == character.asciiValue else { return false }
        drop(1)
        return true
    }

    /// Passes over the next value and checks its syntax; values beyond 16 MiB only for their brackets.
    func skipValue() throws(LTError) {
        var text: [UInt8] = []
        var position = lt_json_position(depth: 1, in_string: 0, escaped: 0)
        guard try next() != nil else { throw malformed("JSON ends where a value should be") }
        while true {
            guard try !peek(1).isEmpty else { throw malformed("JSON ends inside a value") }
            let piece = UnsafeBufferPointer(start: window.bytes + at, count: window.count - at)
            let length = lt_json_scan_to_end_of_element(&position, piece.baseAddress, piece.count)
            if text.count < 16 << 20 { text.append(contentsOf: piece[..<length]) }
            drop(length)
            if length < piece.count { break }
        }
        guard text.count < 16 << 20 else { return }
        let start = offset - text.count
        do {
            try text.withUnsafeBytes { bytes in
                var reader = JSONReader(bytes)
                try reader.skip()
                try reader.end()
            }
        } catch let error as LTError { throw error.inside("value that begins at byte \(start)") } catch {
            throw LTError(.malformed, "\(error)")
        }
    }

    /// Reads the object that the file is: `member` is called with each key and must read or skip its value.
    func object(_ member: (String) throws(LTError) -> Void) throws(LTError) {
        try expect("{", "where the file's object should begin")
        guard try !skip("}") else { return }
        while true {
            guard try next() == UInt8(ascii: "\"") else { throw malformed("JSON lacks a key in an object") }
            var key: [UInt8] = []
            drop(1)
            while let byte = try peek(1).first, byte != UInt8(ascii: "\"") {
                guard byte != UInt8(ascii: "\\"), key.count < 256 else { throw malformed("JSON has an odd key") }
                key.append(byte)
                drop(1)
            }
            guard try !peek(1).isEmpty else { throw malformed("JSON ends inside a key") }
            drop(1)
            try expect(":", "after a key")
            try member(String(decoding: key, as: UTF8.self))
            if try skip("}") { return }
            try expect(",", "between the members of an object")
        }
    }

    /// Checks that nothing but white space follows.
    func end() throws(LTError) {
        if try next() != nil { throw malformed("JSON has something after its end") }
    }

    // MARK: Arrays

    /// Reads an array of objects, blocks of it on several threads.
    /// - Parameters:
    ///   - map: makes a value of a block's columns; called on any thread, one call per table at a time.
    ///   - commit: takes the values in file order, one at a time.
    /// - Throws: the first error in file order.
    func array<Value>(
        _ fields: [JSONField], allowsNonfinite: Bool = false, threads: Int,
        map: (JSONTable) throws(LTError) -> Value, commit: (Value) -> Void
    ) throws(LTError) {
        try expect("[", "where an array should begin")
        if try skip("]") { return }
        let work = ArrayWork<Value>()
        try Parallel.workers(threads) { (_) throws(LTError) in
            let table = try JSONTable(fields, allowsNonfinite: allowsNonfinite)
            let block = try Block(capacity: Self.blockSize + (1 << 17))
            while true {
                var index = 0
                var failure: LTError?
                let isOpen = work.lock.withLock { () -> Bool in
                    guard !work.isFinished else { return false }
                    index = work.begun
                    work.begun += 1
                    do throws(LTError) {
                        work.isFinished = try !nextBlock(into: block)
                    } catch {
                        failure = error
                        work.isFinished = true
                    }
                    return true
                }
                guard isOpen else { break }
                let outcome: Result<Value, LTError>
                if let failure {
                    // What the block holds of whole elements may have an earlier error; the end of the file explains more.
                    outcome = .failure(failure)
                } else {
                    do throws(LTError) {
                        try table.parse(block.content, at: block.offset)
                        outcome = .success(try map(table))
                    } catch { outcome = .failure(error) }
                }
                work.settle(index, outcome, commit)
            }
        }
        if let failure = work.failure { throw failure }
    }

    /// Moves a block of whole elements, as `[…]`, into `block`; false when it is the array's last.
    private func nextBlock(into block: Block) throws(LTError) -> Bool {
        block.count = 1
        block.bytes[0] = UInt8(ascii: "[")
        block.offset = offset - 1
        try block.append(window.bytes + at, window.count - at)
        window.count = 0
        at = 0
        while block.count < Self.blockSize, try read(into: block, Self.blockSize - block.count) {}
        var position = lt_json_position(depth: 1, in_string: 0, escaped: 0)
        var scanned = 1
        // All but the margin at one go, unless the array ends before.
        if !isAtEnd { scanned += lt_json_scan(&position, block.bytes + 1, max(0, block.count - Self.margin - 1)) }
        while true {
            if position.depth > 0 {
                scanned += lt_json_scan_to_end_of_element(&position, block.bytes + scanned, block.count - scanned)
            }
            if scanned < block.count {
                // At the end of the file every element but the last is followed by another one.
                if position.depth == 0 || !isAtEnd { break }
                scanned += 1
                continue
            }
            guard block.count < Self.maximumElement else {
                throw malformed("JSON has an element of more than \(Self.maximumElement) bytes")
            }
            guard try read(into: block, Self.blockSize) else {
                throw LTError(.malformed, "JSON ends inside an array at byte \(block.offset + block.count)")
            }
        }
        let isLast = position.depth == 0
        if isLast, block.bytes[scanned] != UInt8(ascii: "]") {
            throw LTError(.malformed, "JSON array is closed by another bracket at byte \(block.offset + scanned)")
        }
        offset = block.offset + scanned + 1
        try window.append(block.bytes + scanned + 1, block.count - scanned - 1)
        block.bytes[scanned] = UInt8(ascii: "]")
        block.count = scanned + 1
        return !isLast
    }
}

/// What the threads of an array share.
private final class ArrayWork<Value>: @unchecked Sendable {
    let lock = NSLock()
    var begun = 0
    var isFinished = false
    /// The first error in file order among those seen.
    var failure: LTError? { failed?.error }
    private var failed: (index: Int, error: LTError)?
    private var settled: [Int: Value] = [:]
    private var committed = 0
    private var isCommitting = false

    /// Notes the outcome of a block and commits what can be committed in order.
    func settle(_ index: Int, _ outcome: Result<Value, LTError>, _ commit: (Value) -> Void) {
        lock.lock()
        switch outcome {
        case .success(let value): settled[index] = value
        case .failure(let error):
            isFinished = true
            if index < failed?.index ?? .max { failed = (index, error) }
        }
        guard !isCommitting else { return lock.unlock() }
        isCommitting = true
        while let value = settled.removeValue(forKey: committed) {
            committed += 1
            lock.unlock()
            commit(value)
            lock.lock()
        }
        isCommitting = false
        lock.unlock()
    }
}

/// Bytes with room for more, and the padding that the parser reads over.
private final class Block {
    private(set) var bytes: UnsafeMutablePointer<UInt8>
    private var capacity = 0
    var count = 0
    /// Where in the file the first byte is.
    var offset = 0

    init(capacity: Int) throws(LTError) {
        guard let memory = malloc(capacity + lt_json_padding()) else {
            throw LTError(.outOfMemory, "no memory for \(capacity) bytes of JSON")
        }
        bytes = memory.assumingMemoryBound(to: UInt8.self)
        self.capacity = capacity
    }

    deinit { free(bytes) }

    var content: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: bytes, count: count) }

    func reserve(_ wanted: Int) throws(LTError) {
        guard wanted > capacity else { return }
        let larger = max(wanted, capacity * 2)
        guard let memory = realloc(bytes, larger + lt_json_padding()) else {
            throw LTError(.outOfMemory, "no memory for \(larger) bytes of JSON")
        }
        bytes = memory.assumingMemoryBound(to: UInt8.self)
        capacity = larger
    }

    func append(_ source: UnsafePointer<UInt8>, _ more: Int) throws(LTError) {
        try reserve(count + more)
        memcpy(bytes + count, source, more)
        count += more
    }

    func dropFirst(_ dropped: Int) {
        memmove(bytes, bytes + dropped, count - dropped)
        count -= dropped
    }
}
