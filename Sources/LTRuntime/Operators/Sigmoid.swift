// Sigmoid: Y = 1 / (1 + e^-X), elementwise.
// Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Sigmoid.html

import LTCore

struct SigmoidOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "Sigmoid", opsets: 6...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { x.logistic }
}
