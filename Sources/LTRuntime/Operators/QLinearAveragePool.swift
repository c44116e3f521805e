// QLinearAveragePool: AveragePool of quantised values.
// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearAveragePool

import LTCore

struct QLinearAveragePoolOperator: DequantizingOperator {
    static let schema = quantized("QLinearAveragePool", inputs: 4...5)

    let core: any Operator

    init(_ node: OperatorNode) throws(LTError) {
        try expectChannelsFirst(node)
        core = try AveragePoolOperator(OperatorNode(node.node, opset: 11))
    }
}
