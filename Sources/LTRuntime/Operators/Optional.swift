// Optional: an optional that holds the input, or nothing, of the type that the attribute `type` gives.
// https://onnx.ai/onnx/operators/onnx__Optional.html

import LTCore
import LTGraph

struct OptionalOperator: ValueOperator {
    static let schema = OperatorSchema("Optional", opsets: 15...Opset.latest, inputs: 0...1, types: .all)

    let type: ValueType?

    init(_ node: OperatorNode) throws(LTError) {
        switch node.node.attributes["type"] {
        case nil: type = nil
        case .type(let type): self.type = type
        case let other?:
            throw LTError(.typeMismatch, "attribute 'type' is of kind \(other.kindName), expected type_proto")
        }
    }

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        guard let element = inputs.optional(0)?.type ?? type else {
            throw LTError(.malformed, "neither an input nor the attribute 'type' is there, expected one")
        }
        return [.container(.optional(element))]
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        [.optional(inputs.optional(0))]
    }
}
