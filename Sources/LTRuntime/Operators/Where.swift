// Where: Y = X where the condition holds, else input 2, elementwise with broadcasting of all three.
// Opset 16 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Where.html

import LTCore

struct WhereOperator: Operator {
    static let schema = OperatorSchema("Where", opsets: 9...Opset.latest, inputs: 3...3, types: [.bool])

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let condition = try Self.first(inputs)
        let x = try inputs.required(1)
        let y = try inputs.required(2, [x.type])
        return [Facts(x.type, try broadcast([condition.dims, x.dims, y.dims]))]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let (condition, x, y) = (inputs[0]!, inputs[1]!, inputs[2]!)
        // Both choices as one row of elements: x's first, then y's.
        let row = try ConcatOperator(axis: 0).run([try x.reshaped([x.count]), try y.reshaped([y.count])])[0]
        func view(_ tensor: Tensor) -> StridedIndices {
            StridedIndices(shape.dims, broadcastStrides(tensor.dims, to: shape.dims))
        }
        let flags = condition.elements(Bool.self)
        let places = zip(view(condition), zip(view(x), view(y)))
        return [try row.picking(shape, from: places.lazy.map { flags[$0] ? $1.0 : x.count + $1.1 })]
    }
}
