// Compress: the slices of X along axis (without one: the elements of X flattened) where condition is true; what lies
// beyond the end of condition is left out. New in opset 9; 11 allowed a negative axis.
// https://onnx.ai/onnx/operators/onnx__Compress.html

import LTCore

struct CompressOperator: Operator {
    static let schema = OperatorSchema("Compress", opsets: 9...Opset.latest, inputs: 2...2, types: .all)

    let axis: Int?

    init(_ node: OperatorNode) throws(LTError) { axis = try node.node.int("axis") }

    /// X [d0, …], condition [k] → [kept] or [d0, …, kept, …].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let condition = try inputs.required(1, [.bool])
        let length = try condition.dims("condition", ranks: 1...1)?[0]
        let kept = condition.value.map { $0.elements(Bool.self).reduce(0) { $0 + ($1 ? 1 : 0) } }
        var dims: [Int?]? = [kept]
        var size: Int?
        if let axis {
            dims = try x.dims("X", ranks: 1...Int.max)
            if let rank = dims?.count {
                let axis = try position(axis, rank: rank)
                size = dims?[axis]
                dims?[axis] = kept
            }
        } else {
            size = try x.dims?.product()
        }
        if let length, let size, length > size {
            throw LTError(.shapeMismatch, "condition has \(length) elements, expected at most \(size)")
        }
        return [Facts(x.type, dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let (x, flags) = (inputs[0]!, inputs[1]!.elements(Bool.self))
        let places = flags.indices.filter { flags[$0] }
        guard let axis else { return [try x.picking(shape, from: places)] }
        return [try x.picking(shape, slices: places, axis: try position(axis, rank: x.shape.rank))]
    }
}
