// Expand: X broadcast to the shape in input 1 (both ways: a 1 there keeps the dimension of X). Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Expand.html

import LTCore

struct ExpandOperator: ViewOperator {
    static let schema = OperatorSchema("Expand", opsets: 8...Opset.latest, inputs: 2...2, types: .all)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let shape = try inputs.required(1, [.int64])
        _ = try shape.dims("shape", ranks: 1...1)
        guard let wanted = try shape.partialIntegers("shape") else { return [Facts(x.type, nil)] }
        _ = try Shape(wanted.compactMap { $0 })
        return [Facts(x.type, try broadcast([x.dims, wanted]))]
    }

    func views(_ inputs: [Facts?]) throws(LTError) -> [StridedIndices]? {
        guard let x = inputs[0]?.shape, let shape = try infer(inputs)[0].shape else { return nil }
        return [StridedIndices(shape.dims, broadcastStrides(x.dims, to: shape.dims))]
    }
}
