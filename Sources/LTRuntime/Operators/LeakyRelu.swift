// LeakyRelu: Y = X where X ≥ 0, alpha · X below, elementwise.
// Opset 16 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__LeakyRelu.html

import LTCore

struct LeakyReluOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "LeakyRelu", opsets: 6...Opset.latest, inputs: 1...1, types: .reals)

    let alpha: Float

    init(_ node: OperatorNode) throws(LTError) {
        alpha = try node.node.float("alpha") ?? 0.01
    }

    func formula<T: Real>(_ x: T) -> T { x < 0 ? T(alpha) * x : x }
}
