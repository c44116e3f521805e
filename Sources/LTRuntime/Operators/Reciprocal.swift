// Reciprocal: Y = 1 / X, elementwise.
// Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Reciprocal.html

import LTCore

struct ReciprocalOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "Reciprocal", opsets: 6...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { 1 / x }
}
