// IsInf: Y = whether X is infinite, elementwise; each sign counts unless detect_negative or detect_positive is 0.
// New in opset 10; 20 added half precision and the 8-bit floats.
// https://onnx.ai/onnx/operators/onnx__IsInf.html

import LTCore

struct IsInfOperator: PredicateOperator {
    static let schema = OperatorSchema(
        "IsInf", opsets: 10...Opset.latest, inputs: 1...1, types: .reals.union(Set.float8s))

    let detectsNegative: Bool
    let detectsPositive: Bool

    init(_ node: OperatorNode) throws(LTError) {
        detectsNegative = try node.node.int("detect_negative") ?? 1 != 0
        detectsPositive = try node.node.int("detect_positive") ?? 1 != 0
    }

    func formula<T: Real>(_ x: T) -> Bool { x.isInfinite && (x < 0 ? detectsNegative : detectsPositive) }
}
