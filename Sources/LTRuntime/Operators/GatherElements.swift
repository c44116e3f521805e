// GatherElements: Y[i, j, …] = X[i, …, indices[i, j, …], …] with the index in place of the coordinate on axis (default 0).
// New in opset 11; 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__GatherElements.html

import LTCore

struct GatherElementsOperator: Operator {
    static let schema = OperatorSchema("GatherElements", opsets: 11...Opset.latest, inputs: 2...2, types: .all)

    let axis: Int

    init(_ node: OperatorNode) throws(LTError) { axis = try node.node.int("axis") ?? 0 }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let indices = try inputs.required(1, .indices)
        try x.check(elementIndices: indices, axis: axis)
        return [Facts(x.type, indices.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let x = inputs[0]!
        let axis = try position(axis, rank: x.shape.rank)
        let places = try inputs[1]!.integers("indices").checked(size: x.dims[axis])
        var strides = x.shape.strides
        let step = strides[axis]
        strides[axis] = 0
        let bases = StridedIndices(shape.dims, strides)
        return [try x.picking(shape, from: zip(bases, places).lazy.map { $0 + $1 * step })]
    }
}
