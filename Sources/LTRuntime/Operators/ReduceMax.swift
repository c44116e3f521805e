// ReduceMax: the maximum over axes; keepdims keeps them as 1.
// Axes are an attribute before opset 18 and an input from it on; no axes means all of them, or none with noop_with_empty_axes.
// Opset 12 added 8-bit integers, 13 bfloat16, 20 bool (or). Over nothing: the lowest value of the type.
// https://onnx.ai/onnx/operators/onnx__ReduceMax.html

import LTCore

struct ReduceMaxOperator: ReductionOperator {
    static let schema = OperatorSchema(
        "ReduceMax", opsets: 1...Opset.latest, inputs: 1...2, types: .numbers.union([.bool]))

    let reduction: Reduction

    init(_ node: OperatorNode) throws(LTError) {
        reduction = try Reduction(node, axesInputSince: 18)
    }

    func reduce<T: Number>(_ values: some Sequence<T>, count: Int) -> T { values.reduce(.lowest) { $0.maximum($1) } }
}
