// SequenceInsert: a sequence with a tensor inserted before a position (at the end without one).
// https://onnx.ai/onnx/operators/onnx__SequenceInsert.html

import LTCore
import LTGraph

struct SequenceInsertOperator: ValueOperator {
    static let schema = OperatorSchema("SequenceInsert", opsets: 11...Opset.latest, inputs: 2...3, types: .all)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        if inputs.optional(2) != nil { _ = try inputs.tensor(2, .indices) }
        let element = ValueFacts.tensor(try inputs.tensor(1))
        guard let known = try inputs.sequence(0) else { return [.container(.sequence(element.type))] }
        let merged = try element.merged(try ValueFacts(known, "the sequence's elements"), "the element type")
        return [.container(.sequence(merged.type))]
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        var items = try inputs.sequence(0)
        guard items.count < OperatorLimits.sequence else {
            throw LTError(
                .outOfMemory, "a sequence of \(items.count) elements, expected at most \(OperatorLimits.sequence)")
        }
        let position = try inputs.position(2, count: items.count, last: items.count) ?? items.count
        items.insert(.tensor(try inputs.tensor(1)), at: position)
        return [.sequence(items)]
    }
}
