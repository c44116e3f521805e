// Erf: Y = erf X, the error function, elementwise.
// Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Erf.html

import LTCore

struct ErfOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "Erf", opsets: 9...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { x.errorFunction }
}
