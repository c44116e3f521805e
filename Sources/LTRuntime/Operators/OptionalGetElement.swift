// OptionalGetElement: what an optional holds. Opset 18 takes tensors and sequences too and hands them on.
// https://onnx.ai/onnx/operators/onnx__OptionalGetElement.html

import LTCore
import LTGraph

struct OptionalGetElementOperator: ValueOperator {
    static let schema = OperatorSchema("OptionalGetElement", opsets: 15...Opset.latest, inputs: 1...1, types: .all)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        let facts = try inputs.required(0)
        guard case .container(.optional(let element)) = facts else { return [facts] }
        return [try ValueFacts(element, "the optional's element")]
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        let value = try inputs.required(0)
        guard case .optional(let element) = value else { return [value] }
        guard let element else { throw LTError(.notFound, "the optional is empty, expected a value") }
        return [element]
    }
}
