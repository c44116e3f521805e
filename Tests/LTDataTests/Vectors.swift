// Reference vectors: the fixtures, or all cases of another folder's files of the same names (LT_LOSS_VECTORS).

import Foundation
import Testing

enum Vectors {
    static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")

    /// The cases of a file; what reads them fails for a case that it does not know.
    static func cases(_ file: String) throws -> [[String: Any]] {
        let folder = ProcessInfo.processInfo.environment["LT_LOSS_VECTORS"].map { URL(fileURLWithPath: $0) } ?? fixtures
        let data = try Data(contentsOf: folder.appendingPathComponent(file))
        let root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let cases = try #require(root["cases"] as? [[String: Any]])
        #expect(!cases.isEmpty && cases.count == root["n_cases"] as? Int)
        print("\(file): \(cases.count) cases of \(folder.path)")
        return cases
    }
}

extension [String: Any] {
    func section(_ key: String) -> [String: Any] { self[key] as? [String: Any] ?? [:] }
    func int(_ key: String) throws -> Int { try #require(self[key] as? Int, "no number \(key)") }
    func double(_ key: String) throws -> Double { try #require(self[key] as? Double, "no number \(key)") }
    func ints(_ key: String) throws -> [Int] { try #require(self[key] as? [Int], "no list \(key)") }
    func text(_ key: String) throws -> String { try #require(self[key] as? String, "no text \(key)") }
}
