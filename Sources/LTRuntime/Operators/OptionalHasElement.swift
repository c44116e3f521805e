// OptionalHasElement: whether an optional holds something, a bool scalar. Since opset 18 the input may be absent (false), a
// tensor or a sequence (true).
// https://onnx.ai/onnx/operators/onnx__OptionalHasElement.html

import LTCore
import LTGraph

struct OptionalHasElementOperator: ValueOperator {
    static let schema = OperatorSchema("OptionalHasElement", opsets: 15...Opset.latest, inputs: 0...1, types: .all)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        switch inputs.optional(0) {
        case .container(.optional)?: [.tensor(Facts(.bool, []))]
        case let given: [.tensor(Facts(try Tensor(scalar: given != nil)))]
        }
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        let holds =
            switch inputs.optional(0) {
            case nil, .optional(nil)?: false
            default: true
            }
        return [.tensor(try Tensor(scalar: holds))]
    }
}
