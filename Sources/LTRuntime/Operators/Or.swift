// Or: C = A ∨ B of booleans, elementwise with broadcasting.
// https://onnx.ai/onnx/operators/onnx__Or.html

import LTCore

struct OrOperator: LogicalOperator {
    static let schema = OperatorSchema("Or", opsets: 7...Opset.latest, inputs: 2...2, types: [.bool])

    init(_ node: OperatorNode) throws(LTError) {}

    func formula(_ a: Bool, _ b: Bool) -> Bool { a || b }
}
