// Scatter: ScatterElements without reductions, under its first name. New in opset 9, deprecated in 11.
// https://onnx.ai/onnx/operators/onnx__Scatter.html

import LTCore

struct ScatterOperator: ElementScatterOperator {
    static let schema = OperatorSchema("Scatter", opsets: 9...10, inputs: 3...3, types: .all)

    let axis: Int
    var reduction: ScatterReduction { .none }

    init(_ node: OperatorNode) throws(LTError) { axis = try node.node.int("axis") ?? 0 }
}
