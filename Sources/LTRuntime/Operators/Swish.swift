// Swish: Y = X · sigmoid(alpha · X), elementwise.
// New in opset 24.
// https://onnx.ai/onnx/operators/onnx__Swish.html

import LTCore

struct SwishOperator: UnaryRealOperator {
    static let schema = OperatorSchema("Swish", opsets: 24...Opset.latest, inputs: 1...1, types: .reals)

    let alpha: Float

    init(_ node: OperatorNode) throws(LTError) { alpha = try node.node.float("alpha") ?? 1 }

    func formula<T: Real>(_ x: T) -> T { x * (T(alpha) * x).logistic }
}
