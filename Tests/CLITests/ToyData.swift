// What proofs of recipes share: small data drawn in a recipe's format, runs of `lt-train`, what the runs leave behind.

import Foundation
import LTCore
import Testing

/// Small data in a recipe's format, drawn once for all recipes that read it.
final class ToyData: @unchecked Sendable {
    static let shared = ToyData()
    private let folder = try? TemporaryFolder()
    private let lock = NSLock()
    private var made: [String: Made] = [:]

    private final class Made {
        let lock = NSLock()
        var path: String?
    }

    /// The folder that the recipe's relative paths start from.
    /// - Parameter arguments: of `lt-train synth`.
    func folder(_ format: String, _ arguments: [String]) throws -> String {
        let name = ([format] + arguments).joined(separator: "_").replacingOccurrences(of: "--", with: "")
        return try once(name) {
            let path = try #require(folder).file(name)
            let run = try Tool("lt-train").run(["synth", "--format", format, "--out", path] + arguments)
            guard run.status == 0 else { throw LTError(.io, run.error) }
            return path
        }
    }

    /// What a name stands for: the first who asks makes it, the others wait.
    func once(_ name: String, _ make: () throws -> String) throws -> String {
        let own = lock.withLock {
            let own = made[name] ?? Made()
            made[name] = own
            return own
        }
        return try own.lock.withLock {
            if let path = own.path { return path }
            let path = try make()
            own.path = path
            return path
        }
    }
}

/// A folder that `lt-train run` filled.
enum RunFolder {
    /// A column of the log, of the first epochs.
    static func log(_ out: String, _ column: String = "loss", epochs: Int? = nil) throws -> [Double] {
        let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(out)/log.csv")), as: UTF8.self)
        let rows = text.split(separator: "\n").map { $0.split(separator: ",") }
        let position = try #require(rows.first?.firstIndex { $0 == column })
        return rows.dropFirst().compactMap { fields in
            guard fields.count > position, let epoch = Int(fields[1]), epoch < epochs ?? .max else { return nil }
            return Double(fields[position])
        }
    }

    /// Expects that the loss of a run fell to a share of that of its first steps.
    static func expectFall(_ out: String, from steps: Int = 1, to share: Double, epochs: Int? = nil) throws {
        let losses = try log(out, epochs: epochs)
        let (first, last) = (losses.prefix(steps).reduce(0, +) / Double(steps), losses.suffix(5).reduce(0, +) / 5)
        #expect(last < share * first, "the loss falls from \(first) to \(last)")
    }

    /// Expects that a run that was stopped and resumed gives the files of one that was not.
    /// - Parameter run: runs into a folder, with further flags.
    static func expectResumed(_ run: (_ out: String, _ flags: [String]) throws -> Tool.Result) throws {
        let temporary = try TemporaryFolder()
        let (whole, parts) = (temporary.file("whole"), temporary.file("parts"))
        for (out, flags) in [(whole, []), (parts, ["--stop-after", "7"]), (parts, ["--resume"])] {
            let result = try run(out, flags)
            #expect(result.status == 0, "\(result.error.suffix(600))")
        }
        for name in ["checkpoint.safetensors", "log.csv", "model.onnx"] {
            let files = [whole, parts].map { FileManager.default.contents(atPath: "\($0)/\(name)") }
            #expect(files[0] != nil && files[0] == files[1], "\(name)")
        }
    }
}
