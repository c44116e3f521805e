// SequenceConstruct: the inputs as a sequence of tensors of one type.
// https://onnx.ai/onnx/operators/onnx__SequenceConstruct.html

import LTCore
import LTGraph

struct SequenceConstructOperator: ValueOperator {
    static let schema = OperatorSchema(
        "SequenceConstruct", opsets: 11...Opset.latest, inputs: 1...Int.max, types: .all)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        var element = ValueFacts.tensor(try inputs.tensor(0))
        for index in inputs.indices.dropFirst() {
            element = try element.merged(.tensor(try inputs.tensor(index)), "the element type")
        }
        return [.container(.sequence(element.type))]
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        [.sequence(inputs.compactMap { $0 })]
    }
}
