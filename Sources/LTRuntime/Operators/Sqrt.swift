// Sqrt: Y = √X, NaN for negative X, elementwise.
// Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Sqrt.html

import LTCore

struct SqrtOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "Sqrt", opsets: 6...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { x.squareRoot() }
}
