// Gemm, Softmax, Clip, ReduceMean. https://onnx.ai/onnx/operators/onnx__Gemm.html

import LTCore
import LTGraph

extension TorchOperatorTable {
    static let gemm: Entry = { (node, _) throws(LTError) in
        let alpha = Double(try node.float("alpha") ?? 1)
        let beta = Double(try node.float("beta") ?? 1)
        let transA = try node.int("transA") ?? 0 != 0
        let transB = try node.int("transB") ?? 0 != 0
        return { (x: TorchArguments, _) throws(LTError) in
            let c = x.optional(2)
            if !transA, transB, alpha == 1, beta == 1, c.map({ $0.rank == 1 }) ?? true {
                return try Torch.call("linear", [.tensor(x[0]), .tensor(x[1]), .tensor(c)])
            }
            let a = transA ? try x[0].unary("t") : try x[0]
            let b = transB ? try x[1].unary("t") : try x[1]
            var y = try Torch.one("matmul", [.tensor(a), .tensor(b)])
            if alpha != 1 { y = try y * alpha }
            if let c { y = try y + (beta == 1 ? c : c * beta) }
            return [y]
        }
    }

    static let softmax: Entry = { (node, opset) throws(LTError) in
        let axis = try node.int("axis") ?? (opset >= 13 ? -1 : 1)
        return { (x: TorchArguments, _) throws(LTError) in
            let input = try x[0]
            if opset >= 13 { return [try Torch.one("softmax.int", [.tensor(input), .int(axis)])] }
            // Before opset 13: over all dimensions from `axis` on.
            let dims = input.dims
            let first = axis < 0 ? axis + dims.count : axis
            let rows = dims[..<first].reduce(1, *)
            let flat = try input.reshaped([rows, rows == 0 ? 0 : input.count / rows])
            return [try Torch.one("softmax.int", [.tensor(flat), .int(1)]).reshaped(dims)]
        }
    }

    static let clip: Entry = { (node, _) throws(LTError) in
        let low = try node.float("min").map(Double.init)
        let high = try node.float("max").map(Double.init)
        return { (x: TorchArguments, _) throws(LTError) in
            let bounds = [try x.scalar(or: low, 1), try x.scalar(or: high, 2)]
            if bounds[0] == nil, bounds[1] == nil { return [try x[0]] }
            return [
                try Torch.one("clamp", [.tensor(x[0])] + bounds.map { $0.map { TorchValue.double($0) } ?? .none })
            ]
        }
    }

    static let reduceMean: Entry = { (node, _) throws(LTError) in
        let attribute = try node.ints("axes")
        let keepdims = try node.int("keepdims") ?? 1 != 0
        let noop = try node.int("noop_with_empty_axes") ?? 0 != 0
        return { (x: TorchArguments, _) throws(LTError) in
            var axes = try x.ints(or: attribute, 1) ?? []
            if axes.isEmpty {
                if noop { return [try x[0]] }
                axes = try Array(0..<x[0].rank)
            }
            return [try Torch.one("mean.dim", [.tensor(x[0]), .ints(axes), .bool(keepdims)])]
        }
    }
}
