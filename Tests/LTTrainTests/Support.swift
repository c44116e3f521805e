// Fixtures by #filePath: JSON of the reference vectors, small images.

import Foundation
import LTCore
import LTData
import LTDecision
import LTTrain

enum Fixtures {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")

    /// The folder of the reference vectors: `LT_LOSS_VECTORS` (same formats, other cases), else this package's own.
    static var vectors: URL {
        ProcessInfo.processInfo.environment["LT_LOSS_VECTORS"].map { URL(fileURLWithPath: $0, isDirectory: true) }
            ?? folder
    }

    /// The cases of a reference vector file; one that `LT_LOSS_VECTORS` lacks is this package's own.
    static func cases(_ file: String) throws -> [[String: Any]] {
        let given = vectors.appendingPathComponent(file)
        let path = FileManager.default.fileExists(atPath: given.path) ? given : folder.appendingPathComponent(file)
        let data = try Data(contentsOf: path)
        let root = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        return root?["cases"] as? [[String: Any]] ?? []
    }

    /// Images 0 … 11; image i has class i mod 3, every fourth one class (i + 1) mod 3 too.
    static var trainingSet: TrainingSet {
        TrainingSet(
            samples: (0..<12).map { .file(folder.path + String(format: "/images/%02d.png", $0)) },
            targets: (0..<12).map { $0 % 4 == 0 ? [$0 % 3, ($0 + 1) % 3].sorted() : [$0 % 3] },
            labels: ["red", "green", "blue"].enumerated().map { DecisionLayer.Label(id: $0 + 1, name: $1) })
    }

    /// A folder that does not exist yet.
    static func temporary() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("lt-train-\(UUID().uuidString)").path
    }
}

/// Numbers of nested JSON lists, row-major; "NaN" and "Infinity" are numbers too.
func flat(_ json: Any?) -> [Double] {
    switch json {
    case let list as [Any]: list.flatMap { flat($0) }
    case let number as NSNumber: [number.doubleValue]
    case let text as String:
        [Double(text) ?? (text == "-Infinity" ? -.infinity : text == "Infinity" ? .infinity : .nan)]
    default: []
    }
}

func dims(_ json: Any?) -> [Int] {
    guard let list = json as? [Any] else { return [] }
    return [list.count] + dims(list.first)
}

/// The greatest |a − b| / max(1, |b|).
func deviation(_ a: [Double], _ b: [Double]) -> Double {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).map { abs($0 - $1) / max(1, abs($1)) }.reduce(0) { $1.isNaN ? .infinity : max($0, $1) }
}

func tensor(_ json: Any?) throws -> TorchTensor { try TorchTensor(flat(json), dims(json)) }
