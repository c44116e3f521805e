// Cos: Y = the cosine of X (radians), elementwise.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Cos.html

import LTCore

struct CosOperator: UnaryRealOperator {
    static let schema = OperatorSchema("Cos", opsets: 7...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { T.apply(.cos, x) }
}
