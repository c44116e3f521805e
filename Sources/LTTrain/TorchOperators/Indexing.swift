// Operators that pick and place by index: Gather, GatherElements, GatherND, ScatterElements, ScatterND, Range, Trilu.
// https://onnx.ai/onnx/operators/onnx__GatherND.html

import LTCore
import LTGraph

extension TorchOperatorTable {
    static let gather: Entry = { (node, _) throws(LTError) in
        let axis = try node.int("axis") ?? 0
        return { (x: TorchArguments, _) throws(LTError) in
            let data = try x[0]
            let dims = data.dims
            let along = try position(axis, dims.count)
            let indices = try x[1]
            let flat = try wrapped(indices, dims[along]).reshaped([-1]).like(data)
            let rows = try Torch.one("index_select", [.tensor(data), .int(along), .tensor(flat)])
            return [try rows.reshaped(Array(dims[..<along]) + indices.dims + Array(dims[(along + 1)...]))]
        }
    }

    static let gatherElements: Entry = { (node, _) throws(LTError) in
        let axis = try node.int("axis") ?? 0
        return { (x: TorchArguments, _) throws(LTError) in
            let along = try position(axis, x[0].rank)
            return try Torch.call(
                "gather", [.tensor(x[0]), .int(along), .tensor(wrapped(x[1], x[0].dims[along]).like(x[0]))])
        }
    }

    static let scatterElements: Entry = { (node, _) throws(LTError) in
        let axis = try node.int("axis") ?? 0
        let name = try scatterName(node, none: "scatter.src", add: "scatter_add")
        return { (x: TorchArguments, _) throws(LTError) in
            let along = try position(axis, x[0].rank)
            return try Torch.call(
                name, [.tensor(x[0]), .int(along), .tensor(wrapped(x[1], x[0].dims[along]).like(x[0])), .tensor(x[2])])
        }
    }

    static let gatherND: Entry = { (node, _) throws(LTError) in
        let batchDims = try node.int("batch_dims") ?? 0
        return { (x: TorchArguments, _) throws(LTError) in
            let data = try x[0]
            let indices = try x[1]
            let (rows, width, rest) = try flatRows(data, indices, batchDims: batchDims)
            let picked = try Torch.one("index_select", [.tensor(data.reshaped([-1, width])), .int(0), .tensor(rows)])
            return [try picked.reshaped(Array(indices.dims.dropLast()) + rest)]
        }
    }

    static let scatterND: Entry = { (node, _) throws(LTError) in
        let name = try scatterName(node, none: "index_copy", add: "index_add")
        return { (x: TorchArguments, _) throws(LTError) in
            let data = try x[0]
            let (rows, width, _) = try flatRows(data, try x[1], batchDims: 0)
            let placed = try Torch.one(
                name,
                [
                    .tensor(data.reshaped([-1, width])), .int(0), .tensor(rows),
                    .tensor(x[2].reshaped([-1, width]).like(data)),
                ])
            return [try placed.reshaped(data.dims)]
        }
    }

    /// For indices [batch…, n…, k] into data: the row numbers when the first dimensions are flattened, the length of a row,
    /// and its shape.
    private static func flatRows(_ data: TorchTensor, _ indices: TorchTensor, batchDims: Int) throws(LTError)
        -> (rows: TorchTensor, width: Int, rest: [Int])
    {
        let dims = data.dims
        let shape = indices.dims
        guard let depth = shape.last, batchDims >= 0, batchDims < shape.count, depth + batchDims <= dims.count,
            dims[..<batchDims] == shape[..<batchDims]
        else { throw LTError(.shapeMismatch, "indices of shape \(shape) into shape \(dims)") }
        let batch = dims[..<batchDims].reduce(1, *)
        let inner = Array(dims[batchDims..<batchDims + depth])
        let rest = Array(dims[(batchDims + depth)...])
        let width = rest.reduce(1, *)
        guard width > 0, dims.allSatisfy({ $0 > 0 }) else { throw LTError(.shapeMismatch, "empty data \(dims)") }
        let flat = try indices.cast(.int64).reshaped([batch, -1, max(depth, 1)])
        var rows: TorchTensor?
        for axis in 0..<depth {
            let column = try Torch.one("select.int", [.tensor(flat), .int(2), .int(axis)])
            let index = try wrapped(column, inner[axis])
            rows = try rows.map { (rows) throws(LTError) in try rows * Double(inner[axis]) + index } ?? index
        }
        guard var rows else { throw LTError(.unsupported, "indices of depth 0") }
        if batch > 1 {
            let size = inner.reduce(1, *)
            rows = try rows + TorchTensor((0..<batch).map { Int64($0 * size) }, [batch, 1]).like(rows)
        }
        return (try rows.cast(.int64).reshaped([-1]).like(data), width, rest)
    }

    private static func scatterName(_ node: Node, none: String, add: String) throws(LTError) -> String {
        switch try node.string("reduction") ?? "none" {
        case "none": return none
        case "add": return add
        case let other: throw LTError(.unsupported, "\(node.opType) with reduction '\(other)'")
        }
    }

    /// Indices as int64, negative ones counted from the end.
    private static func wrapped(_ indices: TorchTensor, _ size: Int) throws(LTError) -> TorchTensor {
        guard size > 0 else { throw LTError(.shapeMismatch, "an index into a dimension of size 0") }
        return try Torch.one("remainder.Scalar", [.tensor(indices.cast(.int64)), .int(size)])
    }

    /// An axis as a position.
    static func position(_ axis: Int, _ rank: Int) throws(LTError) -> Int {
        guard axis >= -rank, axis < rank else {
            throw LTError(.invalidArgument, "axis \(axis) of a tensor of rank \(rank)")
        }
        return axis < 0 ? axis + rank : axis
    }

    static let range: Entry = { (_, _) in
        { (x: TorchArguments, _) throws(LTError) in
            let (start, limit, delta) = (try x[0].item(), try x[1].item(), try x[2].item())
            let count = ((limit - start) / delta).rounded(.up)
            guard delta != 0, count.isFinite, count < 0x1p24 else {
                throw LTError(.invalidArgument, "a Range from \(start) to \(limit) by \(delta)")
            }
            let values = (0..<max(0, Int(count))).map { start + Double($0) * delta }
            return [try TorchTensor(values, [values.count]).cast(try x[0].type ?? .float32)]
        }
    }

    static let trilu: Entry = { (node, _) throws(LTError) in
        let name = try node.int("upper") ?? 1 != 0 ? "triu" : "tril"
        return { (x: TorchArguments, _) throws(LTError) in
            try Torch.call(name, [.tensor(x[0]), .int(try x.ints(1)?.first ?? 0)])
        }
    }
}
