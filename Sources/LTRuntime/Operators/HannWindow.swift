// HannWindow: 1/2 - 1/2 cos(2πn/N) for n below `size`; N is size, or size - 1 where periodic is 0.
// New in opset 17.
// https://onnx.ai/onnx/operators/onnx__HannWindow.html

import LTCore

struct HannWindowOperator: CosineWindowOperator {
    static let schema = OperatorSchema("HannWindow", opsets: 17...Opset.latest, inputs: 1...1, types: .indices)
    static let coefficients = [0.5, 0.5]

    let settings: CosineWindow

    init(_ node: OperatorNode) throws(LTError) { settings = try CosineWindow(node) }
}
