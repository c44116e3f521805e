// Celu: Y = X where X > 0, alpha · (e^(X/alpha) - 1) below, elementwise.
// New in opset 12.
// https://onnx.ai/onnx/operators/onnx__Celu.html

import LTCore

struct CeluOperator: UnaryRealOperator {
    static let schema = OperatorSchema("Celu", opsets: 12...Opset.latest, inputs: 1...1, types: [.float32])

    let alpha: Float

    init(_ node: OperatorNode) throws(LTError) {
        alpha = try node.node.float("alpha") ?? 1
        guard alpha != 0 else { throw LTError(.invalidArgument, "attribute 'alpha' is 0, expected another number") }
    }

    func formula<T: Real>(_ x: T) -> T { x > 0 ? x : T(alpha) * T.apply(.expm1, x / T(alpha)) }
}
