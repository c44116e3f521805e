// torchvision's results for small inputs (Utilities/fixtures/detection_training.py).

import Foundation
import LTCore
import LTDecision
import LTTrain
import Testing

/// A part of Fixtures/detection.json.
struct DetectionReference {
    let values: [String: Any]

    init(_ values: Any?) throws { self.values = try #require(values as? [String: Any]) }
    /// A part of the file.
    init(part: String) throws { try self.init(Self.root()[part]) }
    /// The cases of a part that has several.
    static func cases(_ part: String) throws -> [DetectionReference] {
        try #require(try root()[part] as? [Any]).map { try DetectionReference($0) }
    }
    private static func root() throws -> [String: Any] {
        let data = try Data(contentsOf: Fixtures.folder.appendingPathComponent("detection.json"))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    subscript(key: String) -> Any? { values[key] }
    func numbers(_ key: String) -> [Double] { flat(values[key]) }
    func ints(_ key: String) -> [Int] { flat(values[key]).map { Int($0) } }
    func double(_ key: String) throws -> Double { try #require(values[key] as? NSNumber).doubleValue }
    func int(_ key: String) throws -> Int { try #require(values[key] as? NSNumber).intValue }
    func bool(_ key: String) throws -> Bool { try #require(values[key] as? NSNumber).boolValue }
    func list(_ key: String) throws -> [Any] { try #require(values[key] as? [Any]) }
    func boxes(_ key: String) -> [Box] { LTTrainTests.boxes(values[key]) }
    func sizes(_ key: String) -> [(height: Int, width: Int)] {
        let sides = ints(key)
        return stride(from: 0, to: sides.count, by: 2).map { (sides[$0], sides[$0 + 1]) }
    }
    /// float32.
    func tensor(_ key: String, grad: Bool = false) throws -> TorchTensor {
        let result = try TorchTensor(numbers(key).map { Float($0) }, dims(values[key]))
        if grad { try result.setRequiresGrad(true) }
        return result
    }
}

func boxes(_ json: Any?) -> [Box] {
    let all = flat(json).map { Float($0) }
    return stride(from: 0, to: all.count, by: 4).map {
        Box(x1: all[$0], y1: all[$0 + 1], x2: all[$0 + 2], y2: all[$0 + 3])
    }
}

func numbers(_ boxes: [Box]) -> [Double] {
    boxes.flatMap { [Double($0.x1), Double($0.y1), Double($0.x2), Double($0.y2)] }
}

func codes(_ json: Any?) -> [SIMD4<Float>] {
    let all = flat(json).map { Float($0) }
    return stride(from: 0, to: all.count, by: 4).map { SIMD4(all[$0], all[$0 + 1], all[$0 + 2], all[$0 + 3]) }
}

extension TorchTensor {
    var gradient: [Double] { get throws { try #require(try grad()).doubles() } }
}
