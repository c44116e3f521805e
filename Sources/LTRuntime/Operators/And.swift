// And: C = A ∧ B of booleans, elementwise with broadcasting.
// https://onnx.ai/onnx/operators/onnx__And.html

import LTCore

struct AndOperator: LogicalOperator {
    static let schema = OperatorSchema("And", opsets: 7...Opset.latest, inputs: 2...2, types: [.bool])

    init(_ node: OperatorNode) throws(LTError) {}

    func formula(_ a: Bool, _ b: Bool) -> Bool { a && b }
}
