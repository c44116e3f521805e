// Reductions over axes, softmax, cumulative sums, positions of extremes. https://onnx.ai/onnx/operators/

import LTCore
import LTGraph

extension TorchOperatorTable {
    /// What a reduction does to a tensor, axes and keepdims.
    typealias Reduction = @Sendable (TorchTensor, [Int], Bool) throws(LTError) -> TorchTensor

    /// A reduction: axes as attribute or as input 1, none for all.
    static func reduce(_ body: @escaping Reduction) -> Entry {
        { (node, _) throws(LTError) in
            let attribute = try node.ints("axes")
            let keepdims = try node.int("keepdims") ?? 1 != 0
            let noop = try node.int("noop_with_empty_axes") ?? 0 != 0
            return { (x: TorchArguments, _) throws(LTError) in
                var axes = try x.ints(or: attribute, 1) ?? []
                if axes.isEmpty {
                    if noop { return [try x[0]] }
                    axes = try Array(0..<x[0].rank)
                }
                return [try body(try x[0], axes, keepdims)]
            }
        }
    }

    /// A libtorch operator of (tensor, axes, keepdims).
    static func reduce(_ name: String) -> Entry {
        reduce { (x: TorchTensor, axes: [Int], keepdims: Bool) throws(LTError) in
            try Torch.one(name, [.tensor(x), .ints(axes), .bool(keepdims)])
        }
    }

    static let reduceNorm: Entry = reduce { (x: TorchTensor, axes: [Int], keepdims: Bool) throws(LTError) in
        try Torch.one("norm.ScalarOpt_dim", [.tensor(x), .double(2), .ints(axes), .bool(keepdims)])
    }
    static let reduceL1: Entry = reduce { (x: TorchTensor, axes: [Int], keepdims: Bool) throws(LTError) in
        try x.unary("abs").sum(axes: axes, keepdims: keepdims)
    }
    static let reduceSumSquare: Entry = reduce { (x: TorchTensor, axes: [Int], keepdims: Bool) throws(LTError) in
        try (x * x).sum(axes: axes, keepdims: keepdims)
    }
    static let reduceLogSum: Entry = reduce { (x: TorchTensor, axes: [Int], keepdims: Bool) throws(LTError) in
        try x.sum(axes: axes, keepdims: keepdims).log()
    }
    static let reduceProd: Entry = reduce { (x: TorchTensor, axes: [Int], keepdims: Bool) throws(LTError) in
        var result = x
        // From the last on, so that removed axes move none of those to come.
        for axis in axes.map({ $0 < 0 ? $0 + x.rank : $0 }).sorted(by: >) {
            result = try Torch.one("prod.dim_int", [.tensor(result), .int(axis), .bool(keepdims)])
        }
        return result
    }

    static let argMax: Entry = arg("argmax")
    static let argMin: Entry = arg("argmin")
    private static func arg(_ name: String) -> Entry {
        { (node, _) throws(LTError) in
            let axis = try node.int("axis") ?? 0
            let keepdims = try node.int("keepdims") ?? 1 != 0
            guard try node.int("select_last_index") ?? 0 == 0 else {
                throw LTError(.unsupported, "select_last_index")
            }
            return { (x: TorchArguments, _) throws(LTError) in
                try Torch.call(name, [.tensor(x[0]), .int(axis), .bool(keepdims)])
            }
        }
    }

    static let cumSum: Entry = { (node, _) throws(LTError) in
        let exclusive = try node.int("exclusive") ?? 0 != 0
        let reverse = try node.int("reverse") ?? 0 != 0
        return { (x: TorchArguments, _) throws(LTError) in
            let input = try x[0]
            guard let axis = try x.ints(1)?.first else { throw LTError(.malformed, "no axis") }
            func flipped(_ tensor: TorchTensor) throws(LTError) -> TorchTensor {
                reverse ? try Torch.one("flip", [.tensor(tensor), .ints([axis])]) : tensor
            }
            let sums = try flipped(
                try Torch.one("cumsum", [.tensor(flipped(input)), .int(axis), .none]).cast(input.type ?? .float32))
            return [exclusive ? try sums - input : sums]
        }
    }

    static let softmax: Entry = softmax("softmax.int")
    static let logSoftmax: Entry = softmax("log_softmax.int")
    private static func softmax(_ name: String) -> Entry {
        { (node, opset) throws(LTError) in
            let axis = try node.int("axis") ?? (opset >= 13 ? -1 : 1)
            return { (x: TorchArguments, _) throws(LTError) in
                let input = try x[0]
                if opset >= 13 { return [try Torch.one(name, [.tensor(input), .int(axis)])] }
                // Before opset 13: over all dimensions from `axis` on.
                let dims = input.dims
                let first = min(max(axis < 0 ? axis + dims.count : axis, 0), dims.count)
                if first == dims.count - 1 { return [try Torch.one(name, [.tensor(input), .int(first)])] }
                let rows = dims[..<first].reduce(1, *)
                let flat = try input.reshaped([rows, rows == 0 ? 0 : input.count / rows])
                return [try Torch.one(name, [.tensor(flat), .int(1)]).reshaped(dims)]
            }
        }
    }
}
