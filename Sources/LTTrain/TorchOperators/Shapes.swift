// Operators that move elements and compute nothing: Reshape, Flatten, Transpose, Squeeze, Unsqueeze, Concat, Split, Expand,
// Tile, Shape, Size, ConstantOfShape, DepthToSpace, SpaceToDepth. https://onnx.ai/onnx/operators/

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

    static let split: Entry = { (node, _) throws(LTError) in
        let axis = try node.int("axis") ?? 0
        let attribute = try node.ints("split")
        let count = try node.int("num_outputs") ?? node.outputs.count
        return { (x: TorchArguments, _) throws(LTError) in
            let along = try position(axis, x[0].rank)
            let size = try x[0].dims[along]
            let part = (size + max(1, count) - 1) / max(1, count)
            let sizes =
                try x.ints(or: attribute, 1) ?? (0..<count).map { max(0, min(part, size - $0 * part)) }
            return try Torch.call("split_with_sizes", [.tensor(x[0]), .ints(sizes), .int(along)])
        }
    }

    static let expand: Entry = { (_, _) in
        { (x: TorchArguments, _) throws(LTError) in
            guard var shape = try x.ints(1) else { throw LTError(.malformed, "no shape") }
            let dims = try x[0].dims
            shape = [Int](repeating: 1, count: max(0, dims.count - shape.count)) + shape
            // Both sides broadcast.
            for (offset, dim) in dims.reversed().enumerated() where shape[shape.count - 1 - offset] == 1 {
                shape[shape.count - 1 - offset] = dim
            }
            return try Torch.call("expand", [.tensor(x[0]), .ints(shape)])
        }
    }

    static let tile: Entry = { (_, _) in
        { (x: TorchArguments, _) throws(LTError) in
            try Torch.call("repeat", [.tensor(x[0]), .ints(try x.ints(1) ?? [])])
        }
    }

    static let shape: Entry = { (node, _) throws(LTError) in
        let start = try node.int("start") ?? 0
        let end = try node.int("end")
        return { (x: TorchArguments, _) throws(LTError) in
            let dims = try x[0].dims
            func clamped(_ axis: Int) -> Int { min(max(axis < 0 ? axis + dims.count : axis, 0), dims.count) }
            let first = clamped(start)
            let part = dims[first..<max(first, clamped(end ?? dims.count))]
            return [try TorchTensor(part.map { Int64($0) }, [part.count])]
        }
    }

    static let size: Entry = { (_, _) in
        { (x: TorchArguments, _) throws(LTError) in [try TorchTensor([Int64(x[0].count)], [])] }
    }

    static let constantOfShape: Entry = { (node, _) throws(LTError) in
        let zero = try Tensor([Float(0)])
        let value = try node.tensor("value") ?? zero
        guard value.count == 1 else { throw LTError(.malformed, "\(value.count) values, expected 1") }
        return { (x: TorchArguments, _) throws(LTError) in
            let scalar = try TorchTensor(value).reshaped([])
            return try Torch.call("expand", [.tensor(scalar), .ints(try x.ints(0) ?? [])])
        }
    }

    static let depthToSpace: Entry = { (node, _) throws(LTError) in
        guard let block = try node.int("blocksize"), block > 0 else { throw LTError(.malformed, "no blocksize") }
        let columnFirst = try node.string("mode") == "CRD"
        return { (x: TorchArguments, _) throws(LTError) in
            let dims = try x[0].dims
            guard dims.count == 4, dims[1] % (block * block) == 0 else {
                throw LTError(.shapeMismatch, "blocks of \(block) in shape \(dims)")
            }
            let channels = dims[1] / (block * block)
            let split = try x[0].reshaped(
                columnFirst
                    ? [dims[0], channels, block, block, dims[2], dims[3]]
                    : [dims[0], block, block, channels, dims[2], dims[3]])
            let order = columnFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]
            return [
                try Torch.one("permute", [.tensor(split), .ints(order)])
                    .reshaped([dims[0], channels, dims[2] * block, dims[3] * block])
            ]
        }
    }

    static let spaceToDepth: Entry = { (node, _) throws(LTError) in
        guard let block = try node.int("blocksize"), block > 0 else { throw LTError(.malformed, "no blocksize") }
        return { (x: TorchArguments, _) throws(LTError) in
            let dims = try x[0].dims
            guard dims.count == 4, dims[2] % block == 0, dims[3] % block == 0 else {
                throw LTError(.shapeMismatch, "blocks of \(block) in shape \(dims)")
            }
            let (height, width) = (dims[2] / block, dims[3] / block)
            let split = try x[0].reshaped([dims[0], dims[1], height, block, width, block])
            return [
                try Torch.one("permute", [.tensor(split), .ints([0, 3, 5, 1, 2, 4])])
                    .reshaped([dims[0], dims[1] * block * block, height, width])
            ]
        }
    }
}
