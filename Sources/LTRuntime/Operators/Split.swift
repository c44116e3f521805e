// Split: X cut along axis into the lengths in `split` (an attribute before opset 13, input 1 from it on) or into equal
// parts, as many as there are outputs; since opset 18 num_outputs says how many, and the last may be smaller.
// https://onnx.ai/onnx/operators/onnx__Split.html

import LTCore

struct SplitOperator: ViewOperator {
    static let schema = OperatorSchema(
        "Split", opsets: 2...Opset.latest, inputs: 1...2, outputs: 1...Int.max, types: .all)

    let axis: Int
    let lengths: [Int]?
    let parts: Int
    let allowsSmallerLast: Bool

    init(_ node: OperatorNode) throws(LTError) {
        axis = try node.node.int("axis") ?? 0
        lengths = node.opset < 13 ? try node.node.ints("split") : nil
        parts = node.node.outputs.count
        allowsSmallerLast = node.opset >= 18
        if node.opset >= 18, let stated = try node.node.int("num_outputs"), stated != parts {
            throw LTError(.invalidArgument, "attribute 'num_outputs' is \(stated), the node has \(parts) outputs")
        }
        guard parts > 0 else { throw LTError(.malformed, "Split has no outputs, expected at least one") }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let input = try inputs.optional(1, [.int64])
        guard let dims = x.dims else { return [Facts](repeating: Facts(x.type, nil), count: parts) }
        let axis = try position(axis, rank: dims.count)
        let stated = try input.map { (input) throws(LTError) in try input.integers("split") } ?? lengths
        var sizes = [Int?](repeating: nil, count: parts)
        if let stated {
            guard stated.count == parts, stated.allSatisfy({ $0 >= 0 }),
                let sum = try [Int?](stated).sum(), agree(sum, dims[axis])
            else {
                throw LTError(
                    .shapeMismatch,
                    "split \(stated) of axis \(axis) of \(dims.text), expected \(parts) parts that add up")
            }
            sizes = stated
        } else if input == nil, let size = dims[axis] {
            let part = (size + parts - 1) / parts
            guard size % parts == 0 || allowsSmallerLast, part * (parts - 1) <= size else {
                throw LTError(.shapeMismatch, "axis \(axis) of \(dims.text) does not split into \(parts) equal parts")
            }
            sizes = (0..<parts).map { min(part, size - $0 * part) }
        }
        return sizes.map { size in
            var part = dims
            part[axis] = size
            return Facts(x.type, part)
        }
    }

    func views(_ inputs: [Facts?]) throws(LTError) -> [StridedIndices]? {
        guard let x = inputs[0]?.shape else { return nil }
        let axis = try position(axis, rank: x.rank)
        let strides = x.strides
        var views: [StridedIndices] = []
        var offset = 0
        for part in try infer(inputs) {
            guard let shape = part.shape else { return nil }
            views.append(StridedIndices(shape.dims, strides, offset: offset * strides[axis]))
            offset += shape[axis]
        }
        return views
    }
}
