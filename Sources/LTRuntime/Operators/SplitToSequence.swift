// SplitToSequence: a tensor cut along `axis` into a sequence: pieces of length `split` (a scalar; the last may be smaller),
// of the lengths in `split` (1-D), or without it of length 1, which lose the axis unless keepdims.
// https://onnx.ai/onnx/operators/onnx__SplitToSequence.html

import LTCore
import LTGraph

struct SplitToSequenceOperator: ValueOperator {
    static let schema = OperatorSchema("SplitToSequence", opsets: 11...Opset.latest, inputs: 1...2, types: .all)

    let axis: Int
    let keepdims: Bool

    init(_ node: OperatorNode) throws(LTError) {
        axis = try node.node.int("axis") ?? 0
        keepdims = try node.node.int("keepdims") ?? 1 != 0
    }

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        let x = try inputs.tensor(0)
        guard var dims = x.dims else { return [.container(.sequence(.tensor(x.type, nil)))] }
        let axis = try position(axis, rank: dims.count)
        if inputs.optional(1) != nil {
            _ = try inputs.tensor(1, .indices)
            dims[axis] = nil
        } else if keepdims {
            dims[axis] = 1
        } else {
            dims.remove(at: axis)
        }
        return [.container(.sequence(ValueFacts.tensor(Facts(x.type, dims)).type))]
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        let x = try inputs.tensor(0)
        let axis = try position(axis, rank: x.shape.rank)
        let extent = x.dims[axis]
        var lengths: [Int]?
        if inputs.optional(1) != nil {
            let split = try inputs.tensor(1)
            let stated = try split.integers("split")
            if split.shape.rank == 0 {
                guard let length = stated.first, length > 0 else {
                    throw LTError(.invalidArgument, "split is \(stated), expected a positive length")
                }
                lengths = stride(from: 0, to: extent, by: length).map { min(length, extent - $0) }
            } else {
                guard stated.allSatisfy({ $0 >= 0 }), try [Int?](stated).sum() == extent else {
                    throw LTError(
                        .shapeMismatch, "split \(stated) of axis \(axis) of \(x.shape), expected parts that add up")
                }
                lengths = stated
            }
        }
        guard x.count > 0 || extent <= 1 << 20 else {
            throw LTError(.outOfMemory, "a sequence of \(extent) empty tensors, expected at most \(1 << 20)")
        }
        let strides = x.shape.strides
        var (items, offset): ([ONNXValue], Int) = ([], 0)
        for length in lengths ?? [Int](repeating: 1, count: extent) {
            var dims = x.dims
            dims[axis] = length
            let part = try x.strided(try Shape(dims), strides, offset: offset * strides[axis])
            if lengths == nil && !keepdims { dims.remove(at: axis) }
            items.append(.tensor(try part.reshaped(dims)))
            offset += length
        }
        return [.sequence(items)]
    }
}
