// Reference numbers of detection evaluators, read with every bit: JSONSerialization rounds some decimals wrongly.

import Foundation
import LTCore
import Testing

/// A file of Fixtures/eval, or of the folder that LT_EVAL_VECTORS names.
func evaluationVectors(_ file: String) throws -> Fixture {
    let folder =
        ProcessInfo.processInfo.environment["LT_EVAL_VECTORS"].map { URL(fileURLWithPath: $0) }
        ?? fixtures.appendingPathComponent("eval")
    let data = try Data(contentsOf: folder.appendingPathComponent(file))
    return try data.withUnsafeBytes { bytes in
        var reader = JSONReader(bytes)
        return Fixture(try tree(&reader))
    }
}

private func tree(_ reader: inout JSONReader) throws(LTError) -> Any {
    switch try reader.peek() {
    case .object:
        var members: [String: Any] = [:]
        try reader.object { (reader, key) throws(LTError) in members[key] = try tree(&reader) }
        return members
    case .array:
        var values: [Any] = []
        try reader.array { (reader) throws(LTError) in values.append(try tree(&reader)) }
        return values
    case .string: return try reader.string()
    case .number: return NSNumber(value: try reader.double())
    case .boolean: return NSNumber(value: try reader.bool())
    case .null:
        try reader.null()
        return NSNull()
    }
}
