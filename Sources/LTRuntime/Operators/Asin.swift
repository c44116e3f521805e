// Asin: Y = the arcsine of X; NaN outside [-1, 1], elementwise.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Asin.html

import LTCore

struct AsinOperator: UnaryRealOperator {
    static let schema = OperatorSchema("Asin", opsets: 7...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> T { T.apply(.asin, x) }
}
