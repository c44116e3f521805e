// Softplus: Y = ln(1 + e^X), elementwise.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Softplus.html

import LTCore

struct SoftplusOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "Softplus", opsets: 1...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { x.softplus }
}
