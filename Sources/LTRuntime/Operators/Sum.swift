// Sum: the sum of one or more tensors, elementwise with broadcasting (since opset 8).
// Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Sum.html

import LTCore

struct SumOperator: VariadicOperator {
    static let schema = OperatorSchema(
        "Sum", opsets: 6...Opset.latest, inputs: 1...Int.max, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Number>(_ a: T, _ b: T) -> T { a.plus(b) }
}
