// QLinearGlobalAveragePool: GlobalAveragePool of quantised values.
// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QLinearGlobalAveragePool

import LTCore

struct QLinearGlobalAveragePoolOperator: DequantizingOperator {
    static let schema = quantized("QLinearGlobalAveragePool", inputs: 5...5)

    let core: any Operator

    init(_ node: OperatorNode) throws(LTError) {
        try expectChannelsFirst(node)
        core = try GlobalAveragePoolOperator(OperatorNode(node.node, opset: 1))
    }
}
