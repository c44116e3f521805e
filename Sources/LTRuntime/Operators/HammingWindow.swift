// HammingWindow: 25/46 - 21/46 cos(2πn/N) for n below `size`; N is size, or size - 1 where periodic is 0.
// New in opset 17.
// https://onnx.ai/onnx/operators/onnx__HammingWindow.html

import LTCore

struct HammingWindowOperator: CosineWindowOperator {
    static let schema = OperatorSchema("HammingWindow", opsets: 17...Opset.latest, inputs: 1...1, types: .indices)
    static let coefficients = [25.0 / 46, 21.0 / 46]

    let settings: CosineWindow

    init(_ node: OperatorNode) throws(LTError) { settings = try CosineWindow(node) }
}
