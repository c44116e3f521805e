// Round: Y = the nearest integer, halves to the even one, elementwise.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Round.html

import LTCore

struct RoundOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "Round", opsets: 11...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { x.rounded(.toNearestOrEven) }
}
