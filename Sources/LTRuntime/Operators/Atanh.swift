// Atanh: Y = the inverse hyperbolic tangent of X; NaN outside [-1, 1], elementwise.
// New in opset 9; 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Atanh.html

import LTCore

struct AtanhOperator: UnaryRealOperator {
    static let schema = OperatorSchema("Atanh", opsets: 9...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { T.apply(.atanh, x) }
}
