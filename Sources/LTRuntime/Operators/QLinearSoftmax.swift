// QLinearSoftmax: Softmax of quantised values; the attribute opset says whose meaning axis has.
// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearSoftmax

import LTCore

struct QLinearSoftmaxOperator: DequantizingOperator {
    static let schema = quantized("QLinearSoftmax", inputs: 5...5)

    let core: any Operator

    init(_ node: OperatorNode) throws(LTError) {
        core = try SoftmaxOperator(OperatorNode(node.node, opset: try node.node.int("opset") ?? 13))
    }
}
