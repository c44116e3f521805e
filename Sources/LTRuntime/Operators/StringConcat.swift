// StringConcat: Z = X followed by Y, elementwise with broadcasting.
// New in opset 20.
// https://onnx.ai/onnx/operators/onnx__StringConcat.html

import LTCore

struct StringConcatOperator: Operator {
    static let schema = OperatorSchema("StringConcat", opsets: 20...Opset.latest, inputs: 2...2, types: [.string])

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let y = try inputs.required(1, [.string])
        return [Facts(.string, try broadcast([x.dims, y.dims]))]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let (x, y) = (inputs[0]!, inputs[1]!)
        let left = StridedIndices(shape.dims, broadcastStrides(x.dims, to: shape.dims))
        let right = StridedIndices(shape.dims, broadcastStrides(y.dims, to: shape.dims))
        return [try .collecting(zip(left, right).lazy.map { x.strings[$0] + y.strings[$1] }, shape)]
    }
}
