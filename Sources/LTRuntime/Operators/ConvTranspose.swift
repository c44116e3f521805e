// ConvTranspose: the gradient of Conv by its input: X[n,c,i] · W[c,m,k] is added to Y[n, m, i·stride − pad + k·dilation];
// output = stride·(input − 1) + output_padding + (kernel − 1)·dilation + 1 − pads, or output_shape, which sets the pads.
// Opset 11 settled how auto_pad splits an odd pad (SAME_UPPER: more at the end; otherwise at the begin), 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__ConvTranspose.html

import LTCore

struct ConvTransposeOperator: RealOperator {
    static let schema = OperatorSchema("ConvTranspose", opsets: 1...Opset.latest, inputs: 2...3, types: .reals)

    let window: Window
    let group: Int
    let outputPadding: [Int]?
    let outputShape: [Int]?

    init(_ node: OperatorNode) throws(LTError) {
        window = try Window(node.node)
        group = try node.node.int("group") ?? 1
        guard group > 0 else { throw LTError(.invalidArgument, "attribute 'group' is \(group), expected at least 1") }
        outputPadding = try Window.extents(node.node, "output_padding", from: 0)
        outputShape = try Window.extents(node.node, "output_shape", from: 1)
    }

    /// X [N, C, …], W [C, M/group, k…], B [M] → Y [N, M, …].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let w = try inputs.required(1, [x.type])
        let b = try inputs.like(2)
        guard let weights = try w.dims("W", ranks: 3...Int.max) else { return [Facts(x.type, nil)] }
        guard let dims = try x.dims("X", ranks: weights.count...weights.count) else {
            return [Facts(x.type, [Int?](repeating: nil, count: weights.count))]
        }
        guard agree(dims[1], weights[0]) else {
            throw LTError(.shapeMismatch, "W \(weights.text) has other input channels than X \(dims.text)")
        }
        if let channels = dims[1] ?? weights[0], channels % group != 0 {
            throw LTError(.shapeMismatch, "X has \(channels) channels, expected a multiple of group \(group)")
        }
        var channels: Int?
        if let own = weights[1] { channels = try Shape([own, group]).count }
        if let bias = try b?.dims("B", ranks: 1...1), !agree(bias[0], channels) {
            throw LTError(.shapeMismatch, "B has \(bias.text) elements, expected \(channels ?? 0) output channels")
        }
        var spatial: [Int?] = []
        try check(rank: dims.count - 2)
        for axis in 0..<dims.count - 2 {
            guard let input = dims[axis + 2], let kernel = weights[axis + 2] else {
                spatial.append(outputShape?[axis])
                continue
            }
            spatial.append(try geometry(axis, dims.count - 2, input, kernel).output)
        }
        return [Facts(x.type, [dims[0], channels] + spatial)]
    }

    private func check(rank: Int) throws(LTError) {
        try window.check(rank: rank)
        for (name, values) in [("output_padding", outputPadding), ("output_shape", outputShape)] {
            if let values, values.count != rank {
                throw LTError(
                    .shapeMismatch, "attribute '\(name)' is \(values), expected \(rank) values for the spatial axes")
            }
        }
    }

    /// Stride, dilation, leading pad and output extent of one axis.
    private func geometry(
        _ axis: Int, _ rank: Int, _ input: Int, _ kernel: Int
    ) throws(LTError) -> (stride: Int, dilation: Int, begin: Int, output: Int) {
        guard kernel > 0, kernel <= OperatorLimits.extent, input <= OperatorLimits.extent << 8 else {
            throw LTError(.shapeMismatch, "kernel extent \(kernel), expected 1 to \(OperatorLimits.extent)")
        }
        let (stride, dilation) = (window.strides?[axis] ?? 1, window.dilations?[axis] ?? 1)
        let full = stride * (input - 1) + (outputPadding?[axis] ?? 0) + (kernel - 1) * dilation + 1
        var wanted = outputShape?[axis]
        if wanted == nil, window.autoPad == .sameUpper || window.autoPad == .sameLower { wanted = input * stride }
        if let wanted {
            let total = max(0, full - wanted)
            return (stride, dilation, window.autoPad == .sameUpper ? total / 2 : total - total / 2, wanted)
        }
        let begin = window.autoPad == .notSet ? window.pads?[axis] ?? 0 : 0
        let end = window.autoPad == .notSet ? window.pads?[rank + axis] ?? 0 : 0
        guard full - begin - end >= 0 else {
            throw LTError(.shapeMismatch, "pads \(begin) and \(end) exceed the output extent \(full) of axis \(axis)")
        }
        return (stride, dilation, begin, full - begin - end)
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (x, w, y) = (inputs[0]!, inputs[1]!, outputs[0])
        let rank = x.shape.rank - 2
        // The same geometry read backwards: windows over Y, one per element of X.
        var axes: [WindowAxis] = []
        for axis in 0..<rank {
            let (stride, dilation, begin, output) = try geometry(axis, rank, x.dims[axis + 2], w.dims[axis + 2])
            axes.append(
                WindowAxis(
                    input: output, kernel: w.dims[axis + 2], stride: stride, dilation: dilation, begin: begin, end: 0,
                    output: x.dims[axis + 2]))
        }
        let walk = WindowWalk(axes)
        let (source, weights, target) = (x.elements(T.self), w.elements(T.self), y.elements(T.self))
        let (plane, taps, places) = (walk.inputCount, walk.kernelCount, walk.outputCount)
        let (channels, own) = (x.dims[1], w.dims[1])
        var sums = [Double](repeating: 0, count: target.count)
        for place in 0..<(target.count == 0 ? 0 : places) {
            let window = walk.taps(walk.position(place))
            for image in 0..<x.dims[0] {
                for c in 0..<channels {
                    let value = Double(source[(image * channels + c) * places + place])
                    let firstOutput = c / (channels / group) * own
                    for m in 0..<own {
                        let to = (image * y.dims[1] + firstOutput + m) * plane
                        let row = (c * own + m) * taps
                        for tap in window { sums[to + tap.input] += value * Double(weights[row + tap.kernel]) }
                    }
                }
            }
        }
        let bias = inputs.count > 2 ? inputs[2]?.elements(T.self) : nil
        for index in target.indices { target[index] = T(sums[index] + Double(bias?[index / plane % y.dims[1]] ?? 0)) }
    }
}
