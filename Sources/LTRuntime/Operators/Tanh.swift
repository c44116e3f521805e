// Tanh: Y = tanh X, elementwise.
// Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Tanh.html

import LTCore

struct TanhOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "Tanh", opsets: 6...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { x.hyperbolicTangent }
}
