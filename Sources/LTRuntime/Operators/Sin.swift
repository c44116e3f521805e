// Sin: Y = the sine of X (radians), elementwise.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Sin.html

import LTCore

struct SinOperator: UnaryRealOperator {
    static let schema = OperatorSchema("Sin", opsets: 7...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { T.apply(.sin, x) }
}
