// Fixtures and comparison for the evaluation tests. cls.json and cls_*.bin: scikit-learn 1.9 in float64 on seeded data
// (little-endian, row-major); db_metrics.json: DistributionBalancedLoss' evaluation code.

import Foundation
import LTCore
import LTEval
import Testing

let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")

/// A JSON value to walk through with keys and positions.
struct Fixture {
    let value: Any?
    init(_ value: Any?) { self.value = value }
    init(file: String) throws {
        value = try JSONSerialization.jsonObject(with: Data(contentsOf: fixtures.appendingPathComponent(file)))
    }
    subscript(key: String) -> Fixture { Fixture((value as? [String: Any])?[key]) }
    subscript(index: Int) -> Fixture { Fixture((value as? [Any])?[index]) }
    var keys: [String] { (value as? [String: Any])?.keys.sorted() ?? [] }
    var array: [Fixture] { (value as? [Any])?.map { Fixture($0) } ?? [] }
    var double: Double { (value as? NSNumber)?.doubleValue ?? .nan }
    var doubles: [Double] { array.map(\.double) }
    var int: Int { (value as? NSNumber)?.intValue ?? -1 }
    var isNull: Bool { value is NSNull }
}

func binary<Element>(_ file: String, _: Element.Type) throws -> [Element] {
    let data = try Data(contentsOf: fixtures.appendingPathComponent(file))
    return data.withUnsafeBytes { bytes in
        (0..<bytes.count / MemoryLayout<Element>.stride).map {
            bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.stride, as: Element.self)
        }
    }
}

/// Compares with |a − b| ≤ tolerance · max(1, |b|).
func expectClose(
    _ actual: Double?, _ expected: Double, _ tolerance: Double = 1e-12, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    guard let actual else {
        Issue.record("\(what): nil, expected \(expected)", sourceLocation: sourceLocation)
        return
    }
    #expect(
        abs(actual - expected) <= tolerance * max(1, abs(expected)), "\(what): \(actual), expected \(expected)",
        sourceLocation: sourceLocation)
}

func expectClose(
    _ actual: [Double], _ expected: [Double], _ tolerance: Double = 1e-12, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(actual.count == expected.count, sourceLocation: sourceLocation)
    for (index, pair) in zip(actual, expected).enumerated() {
        expectClose(pair.0, pair.1, tolerance, "\(what)[\(index)]", sourceLocation: sourceLocation)
    }
}

/// The fixture's 800 × 20 multi-label problem.
func multilabelFixture() throws -> MultilabelPredictions {
    try MultilabelPredictions(
        scores: binary("cls_ml_scores_800x20_f32.bin", Float.self),
        labels: binary("cls_ml_labels_800x20_u8.bin", UInt8.self), classCount: 20)
}

/// The fixture's 4000 × 50 multi-class problem.
func multiclassFixture() throws -> MulticlassPredictions {
    try MulticlassPredictions(
        logits: binary("cls_mc_logits_4000x50_f32.bin", Float.self),
        labels: binary("cls_mc_labels_4000_i32.bin", Int32.self).map { Int($0) }, classCount: 50)
}

/// Random predictions; `levels` makes ties.
func randomPredictions(
    _ random: inout SeededGenerator, rows: Int, classes: Int, levels: Int? = nil, prevalence: Double = 0.3
) throws -> MultilabelPredictions {
    let cells = rows * classes
    let labels = (0..<cells).map { _ in random.uniform() < prevalence ? 1 : 0 }
    let scores = labels.map { label -> Float in
        let score = random.normal() + Double(label)
        guard let levels else { return Float(score) }
        return Float((score * Double(levels)).rounded() / Double(levels))
    }
    return try MultilabelPredictions(scores: scores, labels: labels, classCount: classes)
}
