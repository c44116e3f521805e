// Sub: C = A - B, elementwise with broadcasting.
// Opset 13 added bfloat16, 14 the 8- and 16-bit integers. Integers wrap around.
// https://onnx.ai/onnx/operators/onnx__Sub.html

import LTCore

struct SubOperator: BinaryOperator {
    static let schema = OperatorSchema(
        "Sub", opsets: 7...Opset.latest, inputs: 2...2, types: .numbers)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Number>(_ a: T, _ b: T) -> T { a.minus(b) }
}
