// Log: Y = ln X, elementwise.
// Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Log.html

import LTCore

struct LogOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "Log", opsets: 6...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { x.logarithm }
}
