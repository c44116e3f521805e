// Neg: Y = -X, elementwise.
// Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Neg.html

import LTCore

struct NegOperator: UnaryNumberOperator {
    static let schema = OperatorSchema(
        "Neg", opsets: 6...Opset.latest, inputs: 1...1, types: .reals.union([.int8, .int16, .int32, .int64]))

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Number>(_ x: T) -> T { x.negated }
}
