// ScatterElements: a copy of data in which element [i, …, indices[i, j, …], …], the index in place of the coordinate on
// axis (default 0), is updates[i, j, …], or (reduction add, mul, max, min) is combined with it.
// New in opset 11; 13 added bfloat16, 16 reduction, 18 max and min.
// https://onnx.ai/onnx/operators/onnx__ScatterElements.html

import LTCore

struct ScatterElementsOperator: ElementScatterOperator {
    static let schema = OperatorSchema("ScatterElements", opsets: 11...Opset.latest, inputs: 3...3, types: .all)

    let axis: Int
    let reduction: ScatterReduction

    init(_ node: OperatorNode) throws(LTError) {
        axis = try node.node.int("axis") ?? 0
        reduction = try ScatterReduction(node)
    }
}
