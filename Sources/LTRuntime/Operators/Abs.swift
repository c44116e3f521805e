// Abs: Y = |X|, elementwise.
// Opset 13 added bfloat16. The lowest integer of a signed type stays itself.
// https://onnx.ai/onnx/operators/onnx__Abs.html

import LTCore

struct AbsOperator: UnaryNumberOperator {
    static let schema = OperatorSchema(
        "Abs", opsets: 6...Opset.latest, inputs: 1...1, types: .numbers)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Number>(_ x: T) -> T { x.absolute }
}
