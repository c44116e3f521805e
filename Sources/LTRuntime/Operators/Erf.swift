// Erf: Y = erf X, the error function, elementwise; that of integers is truncated.
// Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Erf.html

import LTCore

struct ErfOperator: UnaryNumberOperator {
    static let schema = OperatorSchema(
        "Erf", opsets: 9...Opset.latest, inputs: 1...1, types: .numbers)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Number>(_ x: T) -> T { T(saturating: x.double.errorFunction) }
}
