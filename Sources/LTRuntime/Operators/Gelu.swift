// Gelu: Y = X · Φ(X), Φ the normal distribution function: X/2 · (1 + erf(X/√2)),
// or with approximate="tanh": X/2 · (1 + tanh(√(2/π) · (X + 0.044715 X³))), elementwise.
// New in opset 20.
// https://onnx.ai/onnx/operators/onnx__Gelu.html

import LTCore

struct GeluOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "Gelu", opsets: 20...Opset.latest, inputs: 1...1, types: .reals)

    let usesTanh: Bool

    init(_ node: OperatorNode) throws(LTError) {
        let approximate = try node.node.string("approximate") ?? "none"
        guard ["none", "tanh"].contains(approximate) else {
            throw LTError(.invalidArgument, "attribute 'approximate' is '\(approximate)', expected 'none' or 'tanh'")
        }
        usesTanh = approximate == "tanh"
    }

    func formula<T: Real>(_ x: T) -> T {
        if usesTanh {
            let scaled = T(0.797_884_560_802_865_4) * (x + T(0.044715) * x * x * x)
            return x / 2 * (1 + scaled.hyperbolicTangent)
        }
        return x / 2 * (1 + (x * T(0.707_106_781_186_547_5)).errorFunction)
    }
}
