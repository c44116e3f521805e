// HardSigmoid: Y = max(0, min(1, alpha · X + beta)), elementwise.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__HardSigmoid.html

import LTCore

struct HardSigmoidOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "HardSigmoid", opsets: 6...Opset.latest, inputs: 1...1, types: .reals)

    let alpha: Float
    let beta: Float

    init(_ node: OperatorNode) throws(LTError) {
        alpha = try node.node.float("alpha") ?? 0.2
        beta = try node.node.float("beta") ?? 0.5
    }

    func formula<T: Real>(_ x: T) -> T {
        let y = T(alpha) * x + T(beta)
        return y < 0 ? 0 : y > 1 ? 1 : y
    }
}
