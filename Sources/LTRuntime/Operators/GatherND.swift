// GatherND: slices of X at index tuples: the last axis of indices holds coordinates on the axes after the batch_dims
// (since opset 12) common ones. New in opset 11; 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__GatherND.html

import LTCore

struct GatherNDOperator: Operator {
    static let schema = OperatorSchema("GatherND", opsets: 11...Opset.latest, inputs: 2...2, types: .all)

    let batchDims: Int

    init(_ node: OperatorNode) throws(LTError) {
        batchDims = node.opset >= 12 ? try node.node.int("batch_dims") ?? 0 : 0
        guard batchDims >= 0 else {
            throw LTError(.invalidArgument, "attribute 'batch_dims' is \(batchDims), expected at least 0")
        }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let indices = try inputs.required(1, [.int64])
        guard let dims = try x.dims("data", ranks: 1...Int.max),
            let places = try indices.dims("indices", ranks: 1...Int.max)
        else { return [Facts(x.type, nil)] }
        guard batchDims < min(dims.count, places.count),
            (0..<batchDims).allSatisfy({ agree(dims[$0], places[$0]) })
        else {
            throw LTError(
                .shapeMismatch, "data \(dims.text) and indices \(places.text) do not share \(batchDims) batch axes")
        }
        guard let depth = places[places.count - 1] else { return [Facts(x.type, nil)] }
        guard depth >= 1, depth <= dims.count - batchDims else {
            throw LTError(
                .shapeMismatch,
                "indices have tuples of \(depth), expected 1 to \(dims.count - batchDims) for data \(dims.text)")
        }
        return [Facts(x.type, Array(places.dropLast()) + dims[(batchDims + depth)...])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let x = inputs[0]!
        let starts = try x.starts(of: inputs[1]!, batchDims: batchDims)
        return [try x.picking(shape, runs: starts)]
    }
}
