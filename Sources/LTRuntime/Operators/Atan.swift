// Atan: Y = the arctangent of X, elementwise.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Atan.html

import LTCore

struct AtanOperator: UnaryRealOperator {
    static let schema = OperatorSchema("Atan", opsets: 7...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { T.apply(.atan, x) }
}
