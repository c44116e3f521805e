// Not: Y = ¬X of booleans.
// https://onnx.ai/onnx/operators/onnx__Not.html

import LTCore

struct NotOperator: Operator {
    static let schema = OperatorSchema("Not", opsets: 1...Opset.latest, inputs: 1...1, types: [.bool])

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        return [Facts(.bool, x.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let result = try Tensor.output(.bool, try outputShape(inputs))
        let (x, y) = (inputs[0]!.elements(Bool.self), result.elements(Bool.self))
        for index in y.indices { y[index] = !x[index] }
        return [result]
    }
}
