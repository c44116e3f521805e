// Min: the smallest of one or more tensors, elementwise with broadcasting (since opset 8).
// Opset 12 added the integers, 13 bfloat16. A NaN wins.
// https://onnx.ai/onnx/operators/onnx__Min.html

import LTCore

struct MinOperator: VariadicOperator {
    static let schema = OperatorSchema(
        "Min", opsets: 6...Opset.latest, inputs: 1...Int.max, types: .numbers)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Number>(_ a: T, _ b: T) -> T { a.minimum(b) }
}
