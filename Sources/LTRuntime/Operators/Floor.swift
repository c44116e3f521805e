// Floor: Y = the largest integer ≤ X, elementwise.
// Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Floor.html

import LTCore

struct FloorOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "Floor", opsets: 6...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { x.rounded(.down) }
}
