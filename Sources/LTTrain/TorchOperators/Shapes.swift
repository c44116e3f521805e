// Operators that move elements and compute nothing: Reshape, Flatten, Transpose, Squeeze, Unsqueeze, Concat, Slice,
// Pad, Gather, Shape, Cast, Constant. https://onnx.ai/onnx/operators/

import LTCore
import LTGraph

extension TorchOperatorTable {
    static let reshape: Entry = { (node, _) throws(LTError) in
        let attribute = try node.ints("shape")
        let allowZero = try node.int("allowzero") ?? 0 != 0
        return { (x: TorchArguments, _) throws(LTError) in
            guard var dims = try x.ints(or: attribute, 1) else { throw LTError(.malformed, "no shape") }
            let input = try x[0].dims
            if !allowZero {
                for axis in dims.indices where dims[axis] == 0 && axis < input.count { dims[axis] = input[axis] }
            }
            return [try x[0].reshaped(dims)]
        }
    }

    static let flatten: Entry = { (node, _) throws(LTError) in
        let axis = try node.int("axis") ?? 1
        return { (x: TorchArguments, _) throws(LTError) in
            let dims = try x[0].dims
            let first = axis < 0 ? axis + dims.count : axis
            guard (0...dims.count).contains(first) else {
                throw LTError(.invalidArgument, "axis \(axis) of a tensor of rank \(dims.count)")
            }
            let rows = dims[..<first].reduce(1, *)
            return [try x[0].reshaped([rows, dims[first...].reduce(1, *)])]
        }
    }

    static let transpose: Entry = { (node, _) throws(LTError) in
        let perm = try node.ints("perm")
        return { (x: TorchArguments, _) throws(LTError) in
            let rank = try x[0].rank
            let order = perm ?? Array((0..<rank).reversed())
            return [try Torch.one("permute", [.tensor(x[0]), .ints(order)])]
        }
    }

    static let squeeze: Entry = { (node, _) throws(LTError) in
        let attribute = try node.ints("axes")
        return { (x: TorchArguments, _) throws(LTError) in
            let dims = try x[0].dims
            let axes =
                try x.ints(or: attribute, 1)?.map { $0 < 0 ? $0 + dims.count : $0 }
                ?? dims.indices.filter { dims[$0] == 1 }
            return [try x[0].reshaped(dims.indices.filter { !axes.contains($0) }.map { dims[$0] })]
        }
    }

    static let unsqueeze: Entry = { (node, _) throws(LTError) in
        let attribute = try node.ints("axes")
        return { (x: TorchArguments, _) throws(LTError) in
            var dims = try x[0].dims
            guard let axes = try x.ints(or: attribute, 1) else { throw LTError(.malformed, "no axes") }
            let rank = dims.count + axes.count
            for axis in axes.map({ $0 < 0 ? $0 + rank : $0 }).sorted() {
                guard (0...dims.count).contains(axis) else {
                    throw LTError(.invalidArgument, "axis \(axis) of a result of rank \(rank)")
                }
                dims.insert(1, at: axis)
            }
            return [try x[0].reshaped(dims)]
        }
    }

    static let concat: Entry = { (node, _) throws(LTError) in
        let axis = try node.int("axis") ?? 1
        return { (x: TorchArguments, _) throws(LTError) in
            [try Torch.one("cat", [.tensors(x.all), .int(axis)])]
        }
    }

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
                guard steps[index] > 0 else { throw LTError(.unsupported, "a step of \(steps[index])") }
                result = try Torch.one(
                    "slice.Tensor",
                    [
                        .tensor(result), .int(axes[index]), .int(starts[index]), .int(ends[index]),
                        .int(steps[index]),
                    ])
            }
            return [result]
        }
    }

    static let pad: Entry = { (node, _) throws(LTError) in
        let attribute = try node.ints("pads")
        let value = try node.float("value").map(Double.init)
        let mode = try node.string("mode") ?? "constant"
        guard mode == "constant" else { throw LTError(.unsupported, "Pad with mode '\(mode)'") }
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
            return [try x[0].padded(begin: begin, end: end, value: x.scalar(or: value, 2) ?? 0)]
        }
    }

    static let gather: Entry = { (node, _) throws(LTError) in
        let axis = try node.int("axis") ?? 0
        return { (x: TorchArguments, _) throws(LTError) in
            let dims = try x[0].dims
            let along = axis < 0 ? axis + dims.count : axis
            guard dims.indices.contains(along) else {
                throw LTError(.invalidArgument, "axis \(axis) of a tensor of rank \(dims.count)")
            }
            let indices = try x[1].cast(.int64)
            let flat = try Torch.one("remainder.Scalar", [.tensor(indices.reshaped([-1])), .int(dims[along])])
            let rows = try Torch.one("index_select", [.tensor(x[0]), .int(along), .tensor(flat.like(x[0]))])
            return [try rows.reshaped(Array(dims[..<along]) + indices.dims + Array(dims[(along + 1)...]))]
        }
    }

    static let shape: Entry = { (_, _) in
        { (x: TorchArguments, _) throws(LTError) in
            let dims = try x[0].dims
            return [try TorchTensor(dims.map { Int64($0) }, [dims.count])]
        }
    }

    static let castOperator: Entry = { (node, _) throws(LTError) in
        guard let type = try node.int("to").flatMap({ ElementType(rawValue: Int32($0)) }) else {
            throw LTError(.malformed, "Cast to no element type")
        }
        return { (x: TorchArguments, _) throws(LTError) in [try x[0].cast(type)] }
    }

    static let constant: Entry = { (node, _) throws(LTError) in
        let tensor: Tensor
        if let value = try node.tensor("value") {
            tensor = value
        } else if let value = try node.ints("value_ints") {
            tensor = try Tensor(value.map { Int64($0) })
        } else if let value = try node.int("value_int") {
            tensor = try Tensor(scalar: Int64(value))
        } else if let value = try node.float("value_float") {
            tensor = try Tensor(scalar: value)
        } else if let value = try node.floats("value_floats") {
            tensor = try Tensor(value)
        } else {
            throw LTError(.unsupported, "a Constant of this kind")
        }
        return { (_, _) throws(LTError) in [try TorchTensor(tensor)] }
    }
}
