// Normalisations without running statistics: Layer-, Instance-, Group-, RMS- and LpNormalization, LRN.
// https://onnx.ai/onnx/operators/onnx__LayerNormalization.html

import LTCore
import LTGraph

extension TorchOperatorTable {
    static let layerNormalization: Entry = { (node, _) throws(LTError) in
        let axis = try node.int("axis") ?? -1
        let epsilon = Double(try node.float("epsilon") ?? 1e-5)
        return { (x: TorchArguments, _) throws(LTError) in
            let input = try x[0]
            let dims = try normalisedDims(input, axis)
            return [
                try Torch.one(
                    "layer_norm",
                    [
                        .tensor(input), .ints(dims), .tensor(try parameter(try x[1], dims)),
                        .tensor(try x.optional(2).map { (bias) throws(LTError) in try parameter(bias, dims) }),
                        .double(epsilon),
                    ])
            ]
        }
    }

    static let rmsNormalization: Entry = { (node, _) throws(LTError) in
        let axis = try node.int("axis") ?? -1
        let epsilon = Double(try node.float("epsilon") ?? 1e-5)
        return { (x: TorchArguments, _) throws(LTError) in
            let input = try x[0]
            let axes = try Array(input.rank - normalisedDims(input, axis).count..<input.rank)
            let mean = try Torch.one("mean.dim", [.tensor(input * input), .ints(axes), .bool(true)])
            return [try input * (mean + epsilon).unary("rsqrt") * x[1]]
        }
    }

    /// The sizes from `axis` on.
    private static func normalisedDims(_ input: TorchTensor, _ axis: Int) throws(LTError) -> [Int] {
        let dims = input.dims
        let first = axis < 0 ? axis + dims.count : axis
        guard dims.indices.contains(first) else {
            throw LTError(.invalidArgument, "axis \(axis) of a tensor of rank \(dims.count)")
        }
        return Array(dims[first...])
    }

    /// Scale or shift in the shape that libtorch wants.
    private static func parameter(_ tensor: TorchTensor, _ dims: [Int]) throws(LTError) -> TorchTensor {
        tensor.dims == dims ? tensor : try Torch.one("expand", [.tensor(tensor), .ints(dims)])
    }

    static let instanceNormalization: Entry = { (node, _) throws(LTError) in
        let epsilon = Double(try node.float("epsilon") ?? 1e-5)
        return { (x: TorchArguments, _) throws(LTError) in
            try Torch.call(
                "instance_norm",
                [
                    .tensor(x[0]), .tensor(x[1]), .tensor(x[2]), .none, .none, .bool(true), .double(0),
                    .double(epsilon), .bool(false),
                ])
        }
    }

    /// Scale and shift are per group before opset 21, per channel since.
    static let groupNormalization: Entry = { (node, opset) throws(LTError) in
        let epsilon = Double(try node.float("epsilon") ?? 1e-5)
        guard let groups = try node.int("num_groups"), groups > 0 else { throw LTError(.malformed, "no num_groups") }
        return { (x: TorchArguments, _) throws(LTError) in
            let input = try x[0]
            guard input.rank >= 2, input.dims[1] % groups == 0 else {
                throw LTError(.shapeMismatch, "\(groups) groups of shape \(input.dims)")
            }
            func channels(_ tensor: TorchTensor) throws(LTError) -> TorchTensor {
                opset >= 21
                    ? tensor
                    : try Torch.one(
                        "repeat_interleave.self_int", [.tensor(tensor), .int(input.dims[1] / groups), .int(0)])
            }
            return [
                try Torch.one(
                    "group_norm",
                    [
                        .tensor(input), .int(groups), .tensor(try channels(try x[1])),
                        .tensor(try channels(try x[2])), .double(epsilon),
                    ])
            ]
        }
    }

    /// x / ‖x‖ along an axis; a vector of zeros stays one.
    static let lpNormalization: Entry = { (node, _) throws(LTError) in
        let axis = try node.int("axis") ?? -1
        let p = Double(try node.int("p") ?? 2)
        return { (x: TorchArguments, _) throws(LTError) in
            let norm = try Torch.one("norm.ScalarOpt_dim", [.tensor(x[0]), .double(p), .ints([axis]), .bool(true)])
            return [try x[0] / Torch.one("clamp_min", [.tensor(norm), .double(1e-12)])]
        }
    }

    /// x / (bias + alpha · mean of x² over `size` channels)^beta, the mean counting zeros beyond the ends.
    static let localResponseNormalization: Entry = { (node, _) throws(LTError) in
        let alpha = Double(try node.float("alpha") ?? 0.0001)
        let beta = Double(try node.float("beta") ?? 0.75)
        let bias = Double(try node.float("bias") ?? 1)
        guard let size = try node.int("size"), size > 0 else { throw LTError(.malformed, "no size") }
        return { (x: TorchArguments, _) throws(LTError) in
            let input = try x[0]
            let dims = input.dims
            guard dims.count >= 2 else { throw LTError(.shapeMismatch, "LRN of rank \(dims.count)") }
            let squares = try (input * input).reshaped([dims[0], 1, dims[1], dims[2...].reduce(1, *)])
                .padded(begin: [0, 0, (size - 1) / 2, 0], end: [0, 0, size / 2, 0], value: 0)
            let mean = try Torch.one("avg_pool2d", [.tensor(squares), .ints([size, 1]), .ints([1, 1])])
            return [try input / (mean.reshaped(dims) * alpha + bias).pow(beta)]
        }
    }
}
