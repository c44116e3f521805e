// Conv and ConvTranspose, 1 to 3 spatial dimensions. https://onnx.ai/onnx/operators/onnx__Conv.html

import LTCore
import LTGraph

/// The window attributes that Conv and the pooling operators share.
struct TorchWindow {
    var strides: [Int]?
    var pads: [Int]?
    var dilations: [Int]?
    var autoPad: String

    init(_ node: Node) throws(LTError) {
        strides = try node.ints("strides")
        pads = try node.ints("pads")
        dilations = try node.ints("dilations")
        autoPad = try node.string("auto_pad") ?? "NOTSET"
    }

    /// Begin and end padding per spatial dimension.
    func padding(input: [Int], kernel: [Int]) throws(LTError) -> (begin: [Int], end: [Int]) {
        let rank = kernel.count
        switch autoPad {
        case "NOTSET":
            let pads = self.pads ?? [Int](repeating: 0, count: 2 * rank)
            guard pads.count == 2 * rank else {
                throw LTError(.malformed, "\(pads.count) pads for \(rank) spatial dimensions")
            }
            return (Array(pads[..<rank]), Array(pads[rank...]))
        case "VALID":
            return ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
        case "SAME_UPPER", "SAME_LOWER":
            var begin: [Int] = []
            var end: [Int] = []
            for axis in 0..<rank {
                let stride = strides?[axis] ?? 1
                let extent = (kernel[axis] - 1) * (dilations?[axis] ?? 1) + 1
                let total = max(0, ((input[axis] + stride - 1) / stride - 1) * stride + extent - input[axis])
                let small = total / 2
                begin.append(autoPad == "SAME_UPPER" ? small : total - small)
                end.append(autoPad == "SAME_UPPER" ? total - small : small)
            }
            return (begin, end)
        default: throw LTError(.malformed, "auto_pad is '\(autoPad)'")
        }
    }

    func strides(_ rank: Int) -> [Int] { strides ?? [Int](repeating: 1, count: rank) }
    func dilations(_ rank: Int) -> [Int] { dilations ?? [Int](repeating: 1, count: rank) }
}

extension TorchTensor {
    /// Pads the last dimensions with a constant; negative widths cut.
    func padded(begin: [Int], end: [Int], value: Double) throws(LTError) -> TorchTensor {
        // libtorch wants the last dimension first, begin and end in pairs.
        let widths = zip(begin, end).reversed().flatMap { [$0, $1] }
        return try Torch.one("constant_pad_nd", [.tensor(self), .ints(widths), .double(value)])
    }
}

extension TorchOperatorTable {
    static let conv: Entry = { (node, _) throws(LTError) in
        let window = try TorchWindow(node)
        let group = try node.int("group") ?? 1
        return { (x: TorchArguments, _) throws(LTError) in
            var input = try x[0]
            let weight = try x[1]
            let kernel = Array(weight.dims.dropFirst(2))
            var (begin, end) = try window.padding(input: Array(input.dims.dropFirst(2)), kernel: kernel)
            if begin != end {
                input = try input.padded(begin: begin, end: end, value: 0)
                begin = [Int](repeating: 0, count: kernel.count)
                end = begin
            }
            guard (1...3).contains(kernel.count) else {
                throw LTError(.unsupported, "a convolution of \(kernel.count) spatial dimensions")
            }
            return try Torch.call(
                "conv\(kernel.count)d",
                [
                    .tensor(input), .tensor(weight), .tensor(x.optional(2)), .ints(window.strides(kernel.count)),
                    .ints(begin), .ints(window.dilations(kernel.count)), .int(group),
                ])
        }
    }

    static let convTranspose: Entry = { (node, _) throws(LTError) in
        let window = try TorchWindow(node)
        let group = try node.int("group") ?? 1
        let outputPadding = try node.ints("output_padding")
        let outputShape = try node.ints("output_shape")
        return { (x: TorchArguments, _) throws(LTError) in
            // libtorch 1.13 takes a transposed convolution in bfloat16 for a forward one: under autocast it stays in float32.
            let first = try x[0]
            let input = first.type == .bfloat16 ? try first.cast(.float32) : first
            let weight = try x[1]
            let kernel = Array(weight.dims.dropFirst(2))
            let (strides, dilations) = (window.strides(kernel.count), window.dilations(kernel.count))
            var extra = outputPadding ?? [Int](repeating: 0, count: kernel.count)
            var (begin, end) = ([Int](), [Int]())
            let automatic = outputShape != nil || window.autoPad.hasPrefix("SAME")
            if !automatic { (begin, end) = try window.padding(input: Array(input.dims.dropFirst(2)), kernel: kernel) }
            guard strides.count == kernel.count, dilations.count == kernel.count, extra.count == kernel.count,
                input.rank == kernel.count + 2, outputShape.map({ $0.count == kernel.count }) ?? true
            else { throw LTError(.malformed, "attributes for other than \(kernel.count) spatial dimensions") }
            let full = kernel.indices.map {
                strides[$0] * (input.dims[$0 + 2] - 1) + extra[$0] + (kernel[$0] - 1) * dilations[$0] + 1
            }
            if automatic {
                for axis in kernel.indices {
                    var total = full[axis] - (outputShape?[axis] ?? input.dims[axis + 2] * strides[axis])
                    // Too short: the end grows.
                    if total < 0 {
                        extra[axis] -= total
                        total = 0
                    }
                    let small = total / 2
                    begin.append(window.autoPad == "SAME_UPPER" ? small : total - small)
                    end.append(window.autoPad == "SAME_UPPER" ? total - small : small)
                }
            }
            // The whole result, then cut: libtorch's padding is the same at both ends.
            let symmetric = begin == end
            let y = try Torch.one(
                "convolution",
                [
                    .tensor(input), .tensor(weight), .tensor(x.optional(2)), .ints(strides),
                    .ints(symmetric ? begin : [Int](repeating: 0, count: kernel.count)), .ints(dilations), .bool(true),
                    .ints(extra), .int(group),
                ])
            if symmetric { return [y] }
            return [
                try y.padded(begin: [0, 0] + begin.map { -$0 }, end: [0, 0] + end.map { -$0 }, value: 0)
            ]
        }
    }
}
