// What the readers ask of folders and text files: sorted entries, lines with their numbers.

import Foundation
import LTCore

extension Dataset {
    /// The names in a folder in byte order, hidden ones left out.
    static func entries(_ path: String) throws(LTError) -> [String] {
        try listFolder(path).filter { !$0.hasPrefix(".") }
    }

    static func isFolder(_ path: String) -> Bool { LTCore.isFolder(path) == true }

    static func isFile(_ path: String) -> Bool { LTCore.isFolder(path) == false }

    /// Class names from a text file, one per line, in order of their labels.
    /// - Throws: `io`; `malformed` for a name that is there twice.
    public static func classNames(_ path: String) throws(LTError) -> [String] {
        let file = try LineFile(path)
        var seen: Set<String> = []
        for line in file.lines where !seen.insert(line.text.trimmed).inserted {
            throw file.error(line, "class '\(line.text.trimmed)' is there twice")
        }
        guard !file.lines.isEmpty else { throw LTError(.malformed, "\(path) names no classes") }
        return file.lines.map(\.text.trimmed)
    }

    /// The image files directly in a folder, in byte order of their names.
    static func imageFiles(_ path: String) throws(LTError) -> [String] {
        try entries(path).filter { imageExtensions.contains(($0 as NSString).pathExtension.lowercased()) }
    }
}

/// A text file of one record per line; blank lines are passed over.
struct LineFile {
    struct Line {
        var number: Int
        var text: Substring
        /// The parts between blanks and tabulators.
        var fields: [Substring] { text.split { $0 == " " || $0 == "\t" } }
    }

    let path: String
    let lines: [Line]
    /// SHA-256 of the file.
    let digest: String

    /// - Throws: `io`; `malformed` for what is not UTF-8; `outOfMemory` beyond 1 GiB.
    init(_ path: String) throws(LTError) {
        try self.init(path, try readFile(path, limit: 1 << 30))
    }

    init(_ path: String, _ buffer: Buffer) throws(LTError) {
        self.path = path
        let text = withExtendedLifetime(buffer) { String(validating: buffer.bytes, as: UTF8.self) }
        guard let text else { throw LTError(.malformed, "\(path) is no text: not UTF-8") }
        digest = SHA256.digest(of: text)
        // A line may end in CR LF, which Swift takes for one character.
        var lines: [Line] = []
        var number = 0
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            number += 1
            guard line.contains(where: { !$0.isWhitespace }) else { continue }
            lines.append(Line(number: number, text: line))
        }
        self.lines = lines
    }

    /// An error about a line.
    func error(_ line: Line, _ message: String) -> LTError {
        LTError(.malformed, message, context: ["line \(line.number) of \(path)"])
    }

    /// A whole number between bounds.
    func number(_ field: Substring, in range: ClosedRange<Int>, _ what: String, _ line: Line) throws(LTError) -> Int {
        guard let value = Int(field), range.contains(value) else {
            throw error(line, "\(what) '\(field)', expected a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }
}

extension Substring {
    /// Without white space around it.
    var trimmed: String { trimmingCharacters(in: .whitespaces) }
}
