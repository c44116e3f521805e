// SequenceErase: a sequence without the element at a position (the last without one).
// https://onnx.ai/onnx/operators/onnx__SequenceErase.html

import LTCore
import LTGraph

struct SequenceEraseOperator: ValueOperator {
    static let schema = OperatorSchema("SequenceErase", opsets: 11...Opset.latest, inputs: 1...2, types: .all)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        if inputs.optional(1) != nil { _ = try inputs.tensor(1, .indices) }
        return [.container(.sequence(try inputs.sequence(0)))]
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        var items = try inputs.sequence(0)
        guard !items.isEmpty else {
            throw LTError(.invalidArgument, "the sequence is empty, expected an element to erase")
        }
        items.remove(at: try inputs.position(1, count: items.count, last: items.count - 1) ?? items.count - 1)
        return [.sequence(items)]
    }
}
