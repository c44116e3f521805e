// ReduceLogSum: ln Σ x over axes; keepdims keeps them as 1.
// Axes are an attribute before opset 18 and an input from it on; no axes means all of them, or none with noop_with_empty_axes.
// Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__ReduceLogSum.html

import LTCore

struct ReduceLogSumOperator: ReductionOperator {
    static let schema = OperatorSchema(
        "ReduceLogSum", opsets: 1...Opset.latest, inputs: 1...2,
        types: .reals.union([.int32, .int64, .uint32, .uint64]))

    let reduction: Reduction

    init(_ node: OperatorNode) throws(LTError) {
        reduction = try Reduction(node, axesInputSince: 18)
    }

    func reduce<T: Number>(_ values: some Sequence<T>, count: Int) -> T {
        T(saturating: values.reduce(0.0) { $0 + $1.double }.logarithm)
    }
}
