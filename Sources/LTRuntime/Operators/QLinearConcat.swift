// QLinearConcat: quantised values one after the other along axis, in the scale of the output: Y_scale, Y_zero_point, then
// value, scale and zero point of each input.
// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearConcat

import LTCore

struct QLinearConcatOperator: DequantizingOperator {
    static let schema = OperatorSchema(
        "QLinearConcat", domain: "com.microsoft", opsets: 1...1, inputs: 5...Int.max, types: [.float32])

    let core: any Operator

    init(_ node: OperatorNode) throws(LTError) {
        guard node.node.inputs.count % 3 == 2 else {
            throw LTError(.malformed, "QLinearConcat has \(node.node.inputs.count) inputs, expected 2 and 3 per value")
        }
        core = try ConcatOperator(OperatorNode(node.node, opset: 13))
    }

    static func values(_ count: Int) -> [Int] { Array(stride(from: 2, to: count - 2, by: 3)) }
    static let scale = 0
}
