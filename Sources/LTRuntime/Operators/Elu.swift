// Elu: Y = X where X > 0, alpha · (e^X - 1) below, elementwise.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Elu.html

import LTCore

struct EluOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "Elu", opsets: 6...Opset.latest, inputs: 1...1, types: .reals)

    let alpha: Float

    init(_ node: OperatorNode) throws(LTError) {
        alpha = try node.node.float("alpha") ?? 1
    }

    func formula<T: Real>(_ x: T) -> T { x > 0 ? x : T(alpha) * (x.exponential - 1) }
}
