// Acosh: Y = the inverse hyperbolic cosine of X; NaN below 1, elementwise.
// New in opset 9; 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Acosh.html

import LTCore

struct AcoshOperator: UnaryRealOperator {
    static let schema = OperatorSchema("Acosh", opsets: 9...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { T.apply(.acosh, x) }
}
