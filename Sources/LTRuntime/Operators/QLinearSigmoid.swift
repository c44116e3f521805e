// QLinearSigmoid: Y = 1 / (1 + e^-X) of quantised values.
// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearSigmoid

import LTCore

struct QLinearSigmoidOperator: DequantizingOperator {
    static let schema = quantized("QLinearSigmoid", inputs: 4...5)

    let core: any Operator

    init(_ node: OperatorNode) throws(LTError) { core = try SigmoidOperator(OperatorNode(node.node, opset: 13)) }
}
