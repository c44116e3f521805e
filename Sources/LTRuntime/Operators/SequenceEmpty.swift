// SequenceEmpty: a sequence of no tensors; `dtype` says of which type (float without it).
// https://onnx.ai/onnx/operators/onnx__SequenceEmpty.html

import LTCore
import LTGraph

struct SequenceEmptyOperator: ValueOperator {
    static let schema = OperatorSchema("SequenceEmpty", opsets: 11...Opset.latest, inputs: 0...0, types: .all)

    let type: ElementType

    init(_ node: OperatorNode) throws(LTError) {
        let stated = try node.node.int("dtype") ?? Int(ElementType.float32.rawValue)
        guard let type = ElementType(rawValue: Int32(clamping: stated)) else {
            throw LTError(.invalidArgument, "attribute 'dtype' is \(stated), expected an element type")
        }
        self.type = type
    }

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        [.container(.sequence(.tensor(type, nil)))]
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] { [.sequence([])] }
}
