// Ceil: Y = the smallest integer ≥ X, elementwise.
// Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Ceil.html

import LTCore

struct CeilOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "Ceil", opsets: 6...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { x.rounded(.up) }
}
