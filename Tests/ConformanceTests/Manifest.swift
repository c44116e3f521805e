// Manifest: the ONNX cases that do not simply pass, each with its reason (manifest.txt beside this file).

import Foundation

/// One line: `kind: what — reason`.
struct Rule: Sendable {
    enum Kind: String {
        /// Not run to the end: something is not implemented.
        case unsupported
        /// Run, and must still fail.
        case failing
        /// Run, and differs from the expected values for a reason that stays.
        case differs
    }

    let kind: Kind
    /// "operator Name" (every case that needs it), or a case such as "node/test_abs".
    let what: String
    let reason: String

    var operatorName: String? { what.hasPrefix("operator ") ? String(what.dropFirst(9)) : nil }

    static func read(_ file: URL) throws -> [Rule] {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap { line in
            if line.hasPrefix("#") { return nil }
            let parts = line.components(separatedBy: " — ")
            let head = parts[0].components(separatedBy: ": ")
            guard parts.count == 2, head.count == 2, let kind = Kind(rawValue: head[0]), !parts[1].isEmpty else {
                throw ManifestError(text: "manifest line '\(line)', expected 'kind: what — reason'")
            }
            return Rule(kind: kind, what: head[1], reason: parts[1])
        }
    }
}

struct ManifestError: Error, CustomStringConvertible {
    let text: String
    var description: String { text }
}
