// Manifest: the ONNX cases that do not simply pass, each with its reason (manifest*.txt beside this file, one per collection).

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
    /// A case such as "node/test_abs", or "operator Name" or "opset N" for every case that needs it.
    let what: String
    let reason: String

    /// Whether the rule is about what an error says: "operator ai.onnx::Loop is not in the operator table",
    /// "operator ai.onnx::Add in opset 6, expected opset 7 to 25".
    func explains(_ message: String) -> Bool {
        if what.hasPrefix("operator ") {
            return message.contains("::\(what.dropFirst(9)) is not in the operator table")
        }
        return what.hasPrefix("opset ") && message.contains(" in \(what), expected opset")
    }

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
