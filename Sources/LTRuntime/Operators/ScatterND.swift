// ScatterND: a copy of data in which the slices at the index tuples on the last axis of indices are those of updates, or
// (reduction add, mul, max, min) are combined with them.
// New in opset 11; 13 added bfloat16, 16 reduction, 18 max and min.
// https://onnx.ai/onnx/operators/onnx__ScatterND.html

import LTCore

struct ScatterNDOperator: Operator {
    static let schema = OperatorSchema("ScatterND", opsets: 11...Opset.latest, inputs: 3...3, types: .all)

    let reduction: ScatterReduction

    init(_ node: OperatorNode) throws(LTError) { reduction = try ScatterReduction(node) }

    /// data [d0, …], indices [i…, k], updates [i…, dk, …] → output [d0, …].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let data = try Self.first(inputs)
        let indices = try inputs.required(1, [.int64])
        let updates = try inputs.required(2, [data.type])
        if let dims = try data.dims("data", ranks: 1...Int.max),
            let places = try indices.dims("indices", ranks: 1...Int.max), let depth = places[places.count - 1]
        {
            guard depth >= 1, depth <= dims.count else {
                throw LTError(
                    .shapeMismatch, "indices have tuples of \(depth), expected 1 to \(dims.count) for data \(dims.text)"
                )
            }
            let expected = places.dropLast() + dims[depth...]
            if let found = updates.dims {
                guard found.count == expected.count, zip(found, expected).allSatisfy(agree) else {
                    throw LTError(
                        .shapeMismatch,
                        "updates have shape \(found.text), expected \(Array(expected).text) for "
                            + "data \(dims.text) and indices \(places.text)")
                }
            }
        }
        return [Facts(data.type, data.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        let (data, indices) = (inputs[0]!, inputs[1]!)
        let depth = indices.dims[indices.shape.rank - 1]
        let starts = try data.starts(of: indices)
        return [try data.scattering(inputs[2]!, at: starts, length: data.dims[depth...].reduce(1, *), reduction)]
    }
}
