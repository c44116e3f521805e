// Asinh: Y = the inverse hyperbolic sine of X, elementwise.
// New in opset 9; 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Asinh.html

import LTCore

struct AsinhOperator: UnaryRealOperator {
    static let schema = OperatorSchema("Asinh", opsets: 9...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { T.apply(.asinh, x) }
}
