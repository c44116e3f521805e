// ConcatFromSequence: the tensors of a sequence one after the other along `axis`, or along a new axis (new_axis = 1).
// https://onnx.ai/onnx/operators/onnx__ConcatFromSequence.html

import LTCore
import LTGraph

struct ConcatFromSequenceOperator: ValueOperator {
    static let schema = OperatorSchema("ConcatFromSequence", opsets: 11...Opset.latest, inputs: 1...1, types: .all)

    let axis: Int
    let isNewAxis: Bool

    init(_ node: OperatorNode) throws(LTError) {
        guard let axis = try node.node.int("axis") else { throw LTError(.malformed, "attribute 'axis' is missing") }
        self.axis = axis
        isNewAxis = try node.node.int("new_axis") ?? 0 != 0
    }

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        let element = try ValueFacts(try inputs.sequence(0), "the sequence's elements")
        guard case .tensor(let tensor) = element else {
            throw LTError(.typeMismatch, "the sequence holds \(element.kind)s, expected tensors")
        }
        guard var dims = tensor.dims else { return [.tensor(Facts(tensor.type, nil))] }
        let axis = try position(axis, rank: dims.count + (isNewAxis ? 1 : 0))
        if isNewAxis { dims.insert(nil, at: axis) } else { dims[axis] = nil }
        return [.tensor(Facts(tensor.type, dims))]
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        var tensors: [Tensor] = []
        for item in try inputs.sequence(0) { tensors.append(try item.tensor("the sequence's element")) }
        guard !tensors.isEmpty else {
            throw LTError(.invalidArgument, "the sequence is empty, expected at least one tensor to join")
        }
        return [.tensor(try isNewAxis ? .stack(tensors, axis: axis) : ConcatOperator(axis: axis).run(tensors)[0])]
    }
}
