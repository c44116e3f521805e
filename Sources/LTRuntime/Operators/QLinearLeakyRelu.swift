// QLinearLeakyRelu: Y = X where X ≥ 0, alpha · X below, of quantised values.
// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearLeakyRelu

import LTCore

struct QLinearLeakyReluOperator: DequantizingOperator {
    static let schema = quantized("QLinearLeakyRelu", inputs: 4...5)

    let core: any Operator

    init(_ node: OperatorNode) throws(LTError) { core = try LeakyReluOperator(OperatorNode(node.node, opset: 6)) }
}
