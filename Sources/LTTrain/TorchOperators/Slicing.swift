// Slice and Pad. https://onnx.ai/onnx/operators/onnx__Slice.html https://onnx.ai/onnx/operators/onnx__Pad.html

import LTCore
import LTGraph

extension TorchOperatorTable {
    static let slice: Entry = { (node, _) throws(LTError) in
        let (startsAttribute, endsAttribute, axesAttribute) =
            (try node.ints("starts"), try node.ints("ends"), try node.ints("axes"))
        return { (x: TorchArguments, _) throws(LTError) in
            var result = try x[0]
            guard let starts = try x.ints(or: startsAttribute, 1), let ends = try x.ints(or: endsAttribute, 2) else {
                throw LTError(.malformed, "no starts or ends")
            }
            let axes = try x.ints(or: axesAttribute, 3) ?? Array(starts.indices)
            let steps = try x.ints(4) ?? [Int](repeating: 1, count: starts.count)
            guard ends.count == starts.count, axes.count == starts.count, steps.count == starts.count else {
                throw LTError(.malformed, "starts, ends, axes and steps of different lengths")
            }
            for index in starts.indices {
                if steps[index] < 0 {
                    result = try backwards(result, axes[index], starts[index], ends[index], steps[index])
                    continue
                }
                guard steps[index] > 0 else { throw LTError(.malformed, "a step of 0") }
                // libtorch takes numbers near the smallest for symbols.
                let along = try position(axes[index], result.rank)
                let size = result.dims[along]
                func bounded(_ value: Int) -> TorchValue { .int(min(max(value, -size), size)) }
                result = try Torch.one(
                    "slice.Tensor",
                    [
                        .tensor(result), .int(along), bounded(starts[index]), bounded(ends[index]), .int(steps[index]),
                    ])
            }
            return [result]
        }
    }

    static let pad: Entry = { (node, _) throws(LTError) in
        let attribute = try node.ints("pads")
        let value = try node.float("value").map(Double.init)
        let mode = try node.string("mode") ?? "constant"
        guard ["constant", "edge", "reflect"].contains(mode) else {
            throw LTError(.unsupported, "Pad with mode '\(mode)'")
        }
        return { (x: TorchArguments, _) throws(LTError) in
            let rank = try x[0].rank
            guard let pads = try x.ints(or: attribute, 1) else { throw LTError(.malformed, "no pads") }
            let axes = try x.ints(3)?.map { $0 < 0 ? $0 + rank : $0 } ?? Array(0..<rank)
            guard pads.count == 2 * axes.count, axes.allSatisfy({ (0..<rank).contains($0) }) else {
                throw LTError(.malformed, "\(pads.count) pads for \(axes.count) axes")
            }
            var begin = [Int](repeating: 0, count: rank)
            var end = begin
            for (index, axis) in axes.enumerated() {
                begin[axis] = pads[index]
                end[axis] = pads[index + axes.count]
            }
            if mode == "constant" {
                return [try x[0].padded(begin: begin, end: end, value: x.scalar(or: value, 2) ?? 0)]
            }
            var result = try x[0]
            for axis in 0..<rank where begin[axis] != 0 || end[axis] != 0 {
                let size = result.dims[axis]
                guard size > 0, mode == "edge" || max(begin[axis], end[axis]) < size else {
                    throw LTError(.shapeMismatch, "\(mode) padding of a dimension of size \(size)")
                }
                result = try picked(
                    result, axis,
                    (-begin[axis]..<max(-begin[axis], size + end[axis])).map {
                        mode == "edge" ? min(max($0, 0), size - 1) : $0 < 0 ? -$0 : $0 >= size ? 2 * size - 2 - $0 : $0
                    })
            }
            return [result]
        }
    }

    /// Positions of one axis.
    private static func picked(_ tensor: TorchTensor, _ axis: Int, _ positions: [Int]) throws(LTError) -> TorchTensor {
        let indices = try TorchTensor(positions.map { Int64($0) }, [positions.count])
        return try Torch.one("index_select", [.tensor(tensor), .int(axis), .tensor(indices.like(tensor))])
    }

    /// A slice with a negative step.
    private static func backwards(_ tensor: TorchTensor, _ axis: Int, _ start: Int, _ end: Int, _ step: Int)
        throws(LTError) -> TorchTensor
    {
        let along = try position(axis, tensor.rank)
        let size = tensor.dims[along]
        let first = min(max(start < 0 ? start &+ size : start, -1), size - 1)
        let last = min(max(end < 0 ? end &+ size : end, -1), size - 1)
        return try picked(tensor, along, Array(stride(from: first, to: min(first, last), by: step)))
    }
}
