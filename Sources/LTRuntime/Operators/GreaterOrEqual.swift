// GreaterOrEqual: C = A ≥ B, elementwise with broadcasting.
// Opset 16 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__GreaterOrEqual.html

import LTCore

struct GreaterOrEqualOperator: ComparisonOperator {
    static let schema = OperatorSchema(
        "GreaterOrEqual", opsets: 12...Opset.latest, inputs: 2...2, types: .numbers)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Number>(_ a: T, _ b: T) -> Bool { a >= b }
}
