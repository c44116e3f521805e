// HardSwish: Y = X · max(0, min(1, X/6 + 1/2)), elementwise.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__HardSwish.html

import LTCore

struct HardSwishOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "HardSwish", opsets: 14...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { x * max(0, min(1, x / 6 + 0.5)) }
}
