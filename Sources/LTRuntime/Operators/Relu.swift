// Relu: Y = max(0, X), elementwise.
// Opset 13 added bfloat16, 14 the signed integers.
// https://onnx.ai/onnx/operators/onnx__Relu.html

import LTCore

struct ReluOperator: UnaryNumberOperator {
    static let schema = OperatorSchema(
        "Relu", opsets: 6...Opset.latest, inputs: 1...1, types: .reals.union([.int8, .int16, .int32, .int64]))

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Number>(_ x: T) -> T { x.isNaN ? x : x > .zero ? x : .zero }
}
