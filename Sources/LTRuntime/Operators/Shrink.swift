// Shrink: Y = X + bias where X < -lambd, X - bias where X > lambd, else 0, elementwise; integers are computed in double
// and truncated.
// New in opset 9.
// https://onnx.ai/onnx/operators/onnx__Shrink.html

import LTCore

struct ShrinkOperator: UnaryNumberOperator {
    static let schema = OperatorSchema("Shrink", opsets: 9...Opset.latest, inputs: 1...1, types: .numbers)

    let bias: Double
    let lambd: Double

    init(_ node: OperatorNode) throws(LTError) {
        bias = Double(try node.node.float("bias") ?? 0)
        lambd = Double(try node.node.float("lambd") ?? 0.5)
    }

    func formula<T: Number>(_ x: T) -> T {
        let value = x.double
        return value < -lambd ? T(saturating: value + bias) : value > lambd ? T(saturating: value - bias) : .zero
    }
}
