// Sign: Y = 1 where X > 0, -1 where X < 0, else 0, elementwise.
// Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Sign.html

import LTCore

struct SignOperator: UnaryNumberOperator {
    static let schema = OperatorSchema(
        "Sign", opsets: 9...Opset.latest, inputs: 1...1, types: .numbers)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Number>(_ x: T) -> T { x > .zero ? .one : x < .zero ? T.one.negated : x.isNaN ? x : .zero }
}
