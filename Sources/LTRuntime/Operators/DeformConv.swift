// DeformConv: convolution whose taps are displaced by offset, sampled linearly between elements (zeros outside) and scaled
// by mask (default 1): Y[n, m, o] = B[m] + Σ_c,k W[m, c, k] · mask[n, g, k, o] · X[n, c, o·stride − pad + k·dilation +
// offset[n, g, k, o]], where the input channels fall into offset_group groups g, and into group groups as in Conv.
// New in opset 19; 22 added bfloat16. https://onnx.ai/onnx/operators/onnx__DeformConv.html

import LTCore

struct DeformConvOperator: RealOperator {
    static let schema = OperatorSchema("DeformConv", opsets: 19...Opset.latest, inputs: 3...5, types: .reals)

    let window: Window
    let group: Int
    let offsetGroup: Int

    init(_ node: OperatorNode) throws(LTError) {
        window = try Window(node.node)
        group = try node.node.int("group") ?? 1
        offsetGroup = try node.node.int("offset_group") ?? 1
        for (name, value) in [("group", group), ("offset_group", offsetGroup)] where value < 1 {
            throw LTError(.invalidArgument, "attribute '\(name)' is \(value), expected at least 1")
        }
    }

    /// X [N, C, d…], W [M, C/group, k…], offset [N, offset_group · k · rank, o…], B [M], mask [N, offset_group · k, o…]
    /// → Y [N, M, o…].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let weights = try inputs.required(1, [x.type]).dims("W", ranks: 3...Int.max)
        let offset = try inputs.required(2, [x.type])
        let (bias, mask) = (try inputs.like(3), try inputs.like(4))
        guard let weights else { return [Facts(x.type, nil)] }
        let rank = weights.count - 2
        guard let dims = try x.dims("X", ranks: weights.count...weights.count) else {
            return [Facts(x.type, [Int?](repeating: nil, count: weights.count))]
        }
        if let own = weights[1], let channels = dims[1], try Shape([own, group]).count != channels {
            throw LTError(.shapeMismatch, "W has \(own) input channels in \(group) groups, X has \(channels)")
        }
        for (name, count, group) in [
            ("output channels", weights[0], group), ("input channels", dims[1], offsetGroup),
        ] {
            if let count, count % group != 0 {
                throw LTError(.shapeMismatch, "\(count) \(name), expected a multiple of \(group) groups")
            }
        }
        if let stated = window.kernel, !zip(stated, weights[2...]).allSatisfy({ agree($0, $1) }) {
            throw LTError(.shapeMismatch, "attribute 'kernel_shape' is \(stated), W is \(weights.text)")
        }
        let output = try window.axes(Array(dims[2...]), kernel: Array(weights[2...])).map { $0?.output }
        let taps = try Array(weights[2...]).product()
        for (name, facts, factor) in [("offset", offset, rank), ("mask", mask, 1)] {
            guard let found = try facts?.dims(name, ranks: weights.count...weights.count) else { continue }
            let count = try [taps, offsetGroup, factor].product()
            guard zip(found, [dims[0], count] + output).allSatisfy(agree) else {
                throw LTError(
                    .shapeMismatch, "\(name) is \(found.text), expected \(([dims[0], count] + output).text)")
            }
        }
        if let bias = try bias?.dims("B", ranks: 1...1), !agree(bias[0], weights[0]) {
            throw LTError(.shapeMismatch, "B has \(bias.text) elements, W \(weights.text) output channels")
        }
        return [Facts(x.type, [dims[0], weights[0]] + output)]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (x, w, y) = (inputs[0]!, inputs[1]!, outputs[0])
        let walk = WindowWalk(try window.axes(Array(x.dims[2...]), kernel: Array(w.dims[2...])).compactMap { $0 })
        guard let target = y.elements(T.self).baseAddress, y.count > 0 else { return }
        let bias = inputs.count > 3 ? inputs[3]?.elements(T.self) : nil
        let (channels, filters, taps, places) = (x.dims[1], w.dims[0] / group, walk.kernelCount, walk.outputCount)
        // The samples of a few outputs as columns, each group's channels and taps below each other.
        let width = min(places, 256)
        let depth = channels * taps
        let columns = try Tensor.output(T.elementType, try Shape([depth, width]))
        let product = try Tensor.output(T.elementType, try Shape([filters, width]))
        for image in 0..<x.dims[0] {
            for first in stride(from: 0, to: places, by: width) {
                let places = first..<min(first + width, places)
                try sample(T.self, inputs, walk, image, places, into: columns)
                for number in 0..<group {
                    let own = depth / group
                    multiply(
                        Matrix<T>(w, offset: number * filters * own, rowStride: own, columnStride: 1),
                        Matrix<T>(columns, offset: number * own * width, rowStride: width, columnStride: 1),
                        filters, places.count, own, into: product.elements(T.self).baseAddress)
                    for filter in 0..<filters {
                        let (sums, output) = (product.elements(T.self), number * filters + filter)
                        let row = target + (image * y.dims[1] + output) * walk.outputCount
                        for place in places {
                            row[place] = sums[filter * places.count + place - first] + (bias?[output] ?? 0)
                        }
                    }
                }
            }
        }
    }

    /// The samples of the outputs at `places` of an image: columns[channel · taps + tap, place].
    private func sample<T: Real>(
        _: T.Type, _ inputs: [Tensor?], _ walk: WindowWalk, _ image: Int, _ places: Range<Int>, into columns: Tensor
    ) throws(LTError) {
        let x = inputs[0]!
        let (offset, samples) = (inputs[2]!.elements(T.self), columns.elements(T.self))
        let mask = inputs.count > 4 ? inputs[4]?.elements(T.self) : nil
        guard let source = x.elements(T.self).baseAddress else { return }
        let (rank, taps, width) = (walk.axes.count, walk.kernelCount, columns.dims[1])
        let own = x.dims[1] / offsetGroup
        var sampler = try PointSampler(walk.axes.map(\.input), .linear, .zeros)
        for (column, place) in places.enumerated() {
            let position = walk.position(place)
            for tap in 0..<taps {
                var rest = tap
                let corner = walk.axes.indices.reversed().map { axis in
                    let geometry = walk.axes[axis]
                    defer { rest /= geometry.kernel }
                    return position[axis] * geometry.stride - geometry.begin + rest % geometry.kernel
                        * geometry.dilation
                }
                for number in 0..<offsetGroup {
                    let row = (image * offsetGroup + number) * taps + tap
                    sampler.move(
                        to: (0..<rank).lazy.map { axis in
                            Double(corner[rank - 1 - axis])
                                + Double(offset[(row * rank + axis) * walk.outputCount + place])
                        })
                    let factor = mask.map { Double($0[row * walk.outputCount + place]) } ?? 1
                    for channel in number * own..<(number + 1) * own {
                        let plane = source + (image * x.dims[1] + channel) * walk.inputCount
                        samples[(channel * taps + tap) * width + column] = T(factor * sampler.sum(plane))
                    }
                }
            }
        }
    }
}
