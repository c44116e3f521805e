// Softsign: Y = X / (1 + |X|), elementwise.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Softsign.html

import LTCore

struct SoftsignOperator: UnaryRealOperator {
    static let schema = OperatorSchema("Softsign", opsets: 1...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { x / (1 + x.magnitude) }
}
