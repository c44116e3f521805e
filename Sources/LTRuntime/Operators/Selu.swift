// Selu: Y = gamma · X where X > 0, gamma · (alpha · e^X - alpha) below, elementwise.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Selu.html

import LTCore

struct SeluOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "Selu", opsets: 6...Opset.latest, inputs: 1...1, types: .reals)

    let alpha: Float
    let gamma: Float

    init(_ node: OperatorNode) throws(LTError) {
        alpha = try node.node.float("alpha") ?? 1.673_263_2
        gamma = try node.node.float("gamma") ?? 1.050_701
    }

    func formula<T: Real>(_ x: T) -> T { x > 0 ? T(gamma) * x : T(gamma) * (T(alpha) * x.exponential - T(alpha)) }
}
