// Div: C = A / B, elementwise with broadcasting.
// Opset 13 added bfloat16, 14 the 8- and 16-bit integers. Integers wrap around.
// Integers truncate towards zero; an integer divided by 0 gives 0.
// https://onnx.ai/onnx/operators/onnx__Div.html

import LTCore

struct DivOperator: BinaryOperator {
    static let schema = OperatorSchema(
        "Div", opsets: 7...Opset.latest, inputs: 2...2, types: .numbers)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Number>(_ a: T, _ b: T) -> T { a.over(b) }
}
