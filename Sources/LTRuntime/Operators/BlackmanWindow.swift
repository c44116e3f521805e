// BlackmanWindow: 0.42 - 0.5 cos(2πn/N) + 0.08 cos(4πn/N) for n below `size`; N is size, or size - 1 where periodic is 0.
// New in opset 17.
// https://onnx.ai/onnx/operators/onnx__BlackmanWindow.html

import LTCore

struct BlackmanWindowOperator: CosineWindowOperator {
    static let schema = OperatorSchema("BlackmanWindow", opsets: 17...Opset.latest, inputs: 1...1, types: .indices)
    static let coefficients = [0.42, 0.5, 0.08]

    let settings: CosineWindow

    init(_ node: OperatorNode) throws(LTError) { settings = try CosineWindow(node) }
}
