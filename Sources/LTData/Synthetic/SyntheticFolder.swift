// SyntheticFolder: files of a set that is being drawn. They are written below a hidden folder and put in place at the end,
// so that an interrupted set is never taken for a complete one, and what is there already is not touched.

import Foundation
import LTCore

struct SyntheticFolder: Sendable {
    let root: String
    /// Files and folders below `root` that the set consists of.
    let targets: [String]
    private var staging: String { "\(root)/.lt-synth.part" }

    /// - Throws: `conflict` when a target is there already; `io`.
    init(root: String, targets: [String]) throws(LTError) {
        self.root = root
        self.targets = targets
        if let old = targets.first(where: { FileManager.default.fileExists(atPath: "\(root)/\($0)") }) {
            throw LTError(.conflict, "\(root)/\(old) is there already", hint: "choose another folder, or remove it")
        }
        try remove()
        try Self.make(staging)
    }

    /// Writes a file; its folders are made.
    func save(_ bytes: [UInt8], _ path: String) throws(LTError) {
        let full = "\(staging)/\(path)"
        try Self.make((full as NSString).deletingLastPathComponent)
        try Self.write(bytes, full)
    }

    func save(_ text: String, _ path: String) throws(LTError) { try save(Array(text.utf8), path) }

    func save(lines: [String], _ path: String) throws(LTError) {
        try save(lines.map { $0 + "\n" }.joined(), path)
    }

    func save(json: some Encodable, _ path: String) throws(LTError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do { try save(Array(try encoder.encode(json)), path) } catch let error as LTError { throw error } catch {
            throw LTError(.library, "annotations do not encode: \(error)")
        }
    }

    /// Where a file lies before `finish`.
    func path(_ path: String) -> String { "\(staging)/\(path)" }

    /// Puts everything in place.
    func finish() throws(LTError) {
        for target in targets {
            try Self.make(("\(root)/\(target)" as NSString).deletingLastPathComponent)
            guard rename("\(staging)/\(target)", "\(root)/\(target)") == 0 else {
                throw systemError("cannot put \(root)/\(target) in place")
            }
        }
        try remove()
    }

    private func remove() throws(LTError) {
        guard FileManager.default.fileExists(atPath: staging) else { return }
        do { try FileManager.default.removeItem(atPath: staging) } catch {
            throw LTError(.io, "cannot remove folder \(staging): \(error.localizedDescription)")
        }
    }

    static func make(_ path: String) throws(LTError) {
        do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
            throw LTError(.io, "cannot make folder \(path): \(error.localizedDescription)")
        }
    }

    /// Writes without syncing each file to the disk, which would take most of the time.
    static func write(_ bytes: [UInt8], _ path: String) throws(LTError) {
        let file = fopen(path, "wb")
        let isWritten = file != nil && fwrite(bytes, 1, bytes.count, file) == bytes.count
        let isClosed = file.map { fclose($0) == 0 } ?? false
        guard isWritten, isClosed else {
            throw LTError(.io, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }
}
