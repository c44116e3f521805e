// QLinearAdd: C = A + B of quantised values, with broadcasting.
// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearAdd

import LTCore

struct QLinearAddOperator: DequantizingOperator {
    static let schema = quantized("QLinearAdd", inputs: 7...8)

    static func values(_ count: Int) -> [Int] { [0, 3] }
    static let scale = 6

    let core: any Operator

    init(_ node: OperatorNode) throws(LTError) { core = try AddOperator(OperatorNode(node.node, opset: 14)) }
}
