// Trilu: the upper (attribute upper, the default) or lower triangles of the matrices in the last two axes: what lies on
// diagonal k (0 the main one, positive above it) or beyond it; zero elsewhere.
// New in opset 14.
// https://onnx.ai/onnx/operators/onnx__Trilu.html

import LTCore

struct TriluOperator: Operator {
    static let schema = OperatorSchema("Trilu", opsets: 14...Opset.latest, inputs: 1...2, types: .all)

    let isUpper: Bool

    init(_ node: OperatorNode) throws(LTError) { isUpper = try node.node.int("upper") ?? 1 != 0 }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        _ = try inputs.optional(1, [.int64])?.integer("k")
        return [Facts(x.type, try x.dims("X", ranks: 2...Int.max))]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let diagonal = inputs.count > 1 ? inputs[1] : nil
        let k = try diagonal.flatMap { (k) throws(LTError) in try Facts(k).integer("k") } ?? 0
        let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
        let places = (0..<shape.count).lazy.map { index in
            let distance = index % columns - index / columns % rows
            return isUpper ? distance >= k ? index : -1 : distance <= k ? index : -1
        }
        return [try inputs[0]!.picking(shape, from: places)]
    }
}
