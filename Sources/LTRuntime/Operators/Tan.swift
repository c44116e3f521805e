// Tan: Y = the tangent of X (radians), elementwise.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Tan.html

import LTCore

struct TanOperator: UnaryRealOperator {
    static let schema = OperatorSchema("Tan", opsets: 7...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { T.apply(.tan, x) }
}
