// Identity: Y = X. Later opsets only added types (14: sequences, 16: optionals, which are not tensors).
// https://onnx.ai/onnx/operators/onnx__Identity.html

import LTCore

struct IdentityOperator: Operator {
    static let schema = OperatorSchema("Identity", opsets: 1...Opset.latest, inputs: 1...1, types: .all)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] { [try Self.first(inputs)] }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        return [inputs[0]!]
    }
}
