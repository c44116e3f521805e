// Identity: Y = X. Opset 14 added sequences, 16 optionals.
// https://onnx.ai/onnx/operators/onnx__Identity.html

import LTCore
import LTGraph

struct IdentityOperator: Operator {
    static let schema = OperatorSchema("Identity", opsets: 1...Opset.latest, inputs: 1...1, types: .all)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] { [try Self.first(inputs)] }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        return [inputs[0]!]
    }

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        [try inputs.required(0)]
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        [try inputs.required(0)]
    }
}
