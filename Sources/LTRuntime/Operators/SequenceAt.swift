// SequenceAt: the element at a position of a sequence, counted from the end when negative.
// https://onnx.ai/onnx/operators/onnx__SequenceAt.html

import LTCore
import LTGraph

struct SequenceAtOperator: ValueOperator {
    static let schema = OperatorSchema("SequenceAt", opsets: 11...Opset.latest, inputs: 2...2, types: .all)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        _ = try inputs.tensor(1, .indices)
        return [try ValueFacts(try inputs.sequence(0), "the sequence's elements")]
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        let items = try inputs.sequence(0)
        guard let position = try inputs.position(1, count: items.count, last: items.count - 1) else { return [] }
        return [items[position]]
    }
}
