// Mish: Y = X · tanh(ln(1 + e^X)), elementwise.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Mish.html

import LTCore

struct MishOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "Mish", opsets: 18...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { x * x.softplus.hyperbolicTangent }
}
