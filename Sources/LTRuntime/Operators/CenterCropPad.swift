// CenterCropPad: X cut or padded with zeros about its centre to the extents in shape, on axes (default all). An odd
// remainder is cut or padded at the end. New in opset 18. https://onnx.ai/onnx/operators/onnx__CenterCropPad.html

import LTCore

struct CenterCropPadOperator: Operator {
    static let schema = OperatorSchema("CenterCropPad", opsets: 18...Opset.latest, inputs: 2...2, types: .all)

    let axes: [Int]?

    init(_ node: OperatorNode) throws(LTError) { axes = try node.node.ints("axes") }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let shape = try inputs.required(1, .indices)
        _ = try shape.dims("shape", ranks: 1...1)
        guard var dims = x.dims else { return [Facts(x.type, nil)] }
        let axes = try positions(axes ?? Array(dims.indices), rank: dims.count)
        let extents = try shape.integers("shape")
        if let extents, extents.count != axes.count || extents.contains(where: { $0 < 0 }) {
            throw LTError(.shapeMismatch, "shape is \(extents), expected an extent for each of \(axes.count) axes")
        }
        for (index, axis) in axes.enumerated() { dims[axis] = extents?[index] }
        return [Facts(x.type, dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let x = inputs[0]!
        guard shape.count > 0 else { return [try x.picking(shape, from: EmptyCollection())] }
        let shifts = zip(x.dims, shape.dims).map { $0 > $1 ? ($0 - $1) / 2 : -(($1 - $0) / 2) }
        let axes = { (axis: Int, place: Int) in
            let source = place + shifts[axis]
            return source < x.dims[axis] ? max(source, -1) : -1
        }
        return [try x.picking(shape, axes: axes, fill: nil)]
    }
}
