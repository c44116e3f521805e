// Flatten: X as a matrix: the axes before `axis` (default 1) make the rows, the others the columns.
// Opset 11 allowed a negative axis; later opsets only added types.
// https://onnx.ai/onnx/operators/onnx__Flatten.html

import LTCore

struct FlattenOperator: Operator {
    static let schema = OperatorSchema("Flatten", opsets: 1...Opset.latest, inputs: 1...1, types: .all)

    let axis: Int

    init(_ node: OperatorNode) throws(LTError) { axis = try node.node.int("axis") ?? 1 }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        guard let dims = x.dims else { return [Facts(x.type, [nil, nil])] }
        let place = axis == dims.count ? axis : try position(axis, rank: dims.count)
        return [try x.reshaped([Array(dims[..<place]).product(), Array(dims[place...]).product()])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        return [try inputs[0]!.reshaped(shape)]
    }
}
