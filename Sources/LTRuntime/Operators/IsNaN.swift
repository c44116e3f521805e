// IsNaN: Y = whether X is not a number, elementwise.
// New in opset 9; 13 added bfloat16, 20 the 8-bit floats.
// https://onnx.ai/onnx/operators/onnx__IsNaN.html

import LTCore

struct IsNaNOperator: PredicateOperator {
    static let schema = OperatorSchema(
        "IsNaN", opsets: 9...Opset.latest, inputs: 1...1, types: .reals.union(Set.float8s))

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Real>(_ x: T) -> Bool { x.isNaN }
}
