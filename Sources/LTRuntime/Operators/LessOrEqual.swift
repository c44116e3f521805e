// LessOrEqual: C = A ≤ B, elementwise with broadcasting.
// Opset 16 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__LessOrEqual.html

import LTCore

struct LessOrEqualOperator: ComparisonOperator {
    static let schema = OperatorSchema(
        "LessOrEqual", opsets: 12...Opset.latest, inputs: 2...2, types: .numbers)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Number>(_ a: T, _ b: T) -> Bool { a <= b }
}
