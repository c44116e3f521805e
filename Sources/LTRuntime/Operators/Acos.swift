// Acos: Y = the arccosine of X; NaN outside [-1, 1], elementwise.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Acos.html

import LTCore

struct AcosOperator: UnaryRealOperator {
    static let schema = OperatorSchema("Acos", opsets: 7...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { T.apply(.acos, x) }
}
