// ArgMax: the position (int64) of the largest along axis (default 0); keepdims keeps it as 1.
// Opset 12 added select_last_index for ties (before, and by default: the first), 13 bfloat16.
// https://onnx.ai/onnx/operators/onnx__ArgMax.html

import LTCore

struct ArgMaxOperator: ArgOperator {
    static let schema = OperatorSchema(
        "ArgMax", opsets: 1...Opset.latest, inputs: 1...1, types: .numbers)

    let settings: ArgSettings

    init(_ node: OperatorNode) throws(LTError) { settings = try ArgSettings(node) }

    func precedes<T: Number>(_ a: T, _ b: T) -> Bool { a > b }
}
