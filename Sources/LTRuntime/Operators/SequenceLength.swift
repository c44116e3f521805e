// SequenceLength: the number of elements of a sequence, an int64 scalar.
// https://onnx.ai/onnx/operators/onnx__SequenceLength.html

import LTCore
import LTGraph

struct SequenceLengthOperator: ValueOperator {
    static let schema = OperatorSchema("SequenceLength", opsets: 11...Opset.latest, inputs: 1...1, types: .all)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        _ = try inputs.sequence(0)
        return [.tensor(Facts(.int64, []))]
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        [.tensor(try Tensor(scalar: Int64(try inputs.sequence(0).count)))]
    }
}
