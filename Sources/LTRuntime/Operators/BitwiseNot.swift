// BitwiseNot: Y = ¬X bit by bit, elementwise.
// New in opset 18.
// https://onnx.ai/onnx/operators/onnx__BitwiseNot.html

import LTCore

struct BitwiseNotOperator: BitsOperator {
    static let schema = OperatorSchema(
        "BitwiseNot", opsets: 18...Opset.latest, inputs: 1...1, types: .integers)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        return [Facts(x.type, x.dims)]
    }

    func kernel<T: Bits>(_: T.Type, _ inputs: [Tensor], _ output: Tensor) {
        let (x, y) = (inputs[0].elements(T.self), output.elements(T.self))
        for index in y.indices { y[index] = ~x[index] }
    }
}
