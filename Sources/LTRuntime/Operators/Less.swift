// Less: C = A < B, elementwise with broadcasting.
// Opset 9 added the integers, 13 bfloat16.
// https://onnx.ai/onnx/operators/onnx__Less.html

import LTCore

struct LessOperator: ComparisonOperator {
    static let schema = OperatorSchema(
        "Less", opsets: 7...Opset.latest, inputs: 2...2, types: .numbers)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Number>(_ a: T, _ b: T) -> Bool { a < b }
}
