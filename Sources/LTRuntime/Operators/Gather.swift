// Gather: slices of X along axis (default 0) at the indices of input 1: Y[…, i…, …] = X[…, indices[i…], …].
// Opset 11 allowed negative indices, 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Gather.html

import LTCore

struct GatherOperator: ViewOperator {
    static let schema = OperatorSchema("Gather", opsets: 1...Opset.latest, inputs: 2...2, types: .all)

    let axis: Int

    init(_ node: OperatorNode) throws(LTError) { axis = try node.node.int("axis") ?? 0 }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let indices = try inputs.required(1, .indices)
        guard let dims = try x.dims("data", ranks: 1...Int.max) else { return [Facts(x.type, nil)] }
        let axis = try position(axis, rank: dims.count)
        guard let places = indices.dims else { return [Facts(x.type, nil)] }
        return [Facts(x.type, Array(dims[..<axis]) + places + Array(dims[(axis + 1)...]))]
    }

    /// Known indices that are evenly spaced along each of their axes.
    func views(_ inputs: [Facts?]) throws(LTError) -> [StridedIndices]? {
        guard let x = inputs[0]?.shape, let given = try inputs[1]?.integers("indices"), let shape = inputs[1]?.shape
        else { return nil }
        let axis = try position(axis, rank: x.rank)
        let places = try given.checked(size: x[axis])
        guard let first = places.first else { return nil }
        let steps = zip(shape.dims, shape.strides).map { $0 > 1 ? places[$1] - first : 0 }
        guard places.elementsEqual(StridedIndices(shape.dims, steps, offset: first)) else { return nil }
        let run = x.strides[axis]
        return [
            StridedIndices(
                Array(x.dims[..<axis]) + shape.dims + Array(x.dims[(axis + 1)...]),
                Array(x.strides[..<axis]) + steps.map { $0 * run } + Array(x.strides[(axis + 1)...]),
                offset: first * run)
        ]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let x = inputs[0]!
        let axis = try position(axis, rank: x.shape.rank)
        let places = try inputs[1]!.integers("indices").checked(size: x.dims[axis])
        return [try x.picking(shape, slices: places, axis: axis)]
    }
}
