// Cosh: Y = the hyperbolic cosine of X, elementwise.
// New in opset 9; 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Cosh.html

import LTCore

struct CoshOperator: UnaryRealOperator {
    static let schema = OperatorSchema("Cosh", opsets: 9...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { T.apply(.cosh, x) }
}
