// GridSample: X sampled at the places in grid, whose last axis is (x, y) or (x, y, z) in units of half the input, from -1
// to 1: its outer elements' centres (align_corners) or outer edges. mode nearest (ties to even), linear or cubic (a =
// -0.75); padding_mode zeros, border or reflection says what lies outside.
// New in opset 16; 20 renamed bilinear and bicubic and allowed any number of spatial axes, 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__GridSample.html

import LTCore

struct GridSampleOperator: NumberOperator {
    static let schema = OperatorSchema("GridSample", opsets: 16...Opset.latest, inputs: 2...2, types: .all)

    let mode: PointSampler.Mode
    let padding: PointSampler.Padding
    let alignsCorners: Bool

    init(_ node: OperatorNode) throws(LTError) {
        let prefix = node.opset < 20 ? "bi" : ""
        let name = try node.node.string("mode") ?? prefix + "linear"
        switch name {
        case "nearest": mode = .nearest
        case prefix + "linear": mode = .linear
        case prefix + "cubic": mode = .cubic
        default:
            throw LTError(
                .invalidArgument,
                "attribute 'mode' is '\(name)', expected nearest, \(prefix)linear or \(prefix)cubic")
        }
        let outside = try node.node.string("padding_mode") ?? "zeros"
        guard let padding = PointSampler.Padding(rawValue: outside) else {
            throw LTError(
                .invalidArgument, "attribute 'padding_mode' is '\(outside)', expected zeros, border or reflection")
        }
        self.padding = padding
        alignsCorners = try node.node.int("align_corners") ?? 0 != 0
    }

    /// X [N, C, d…], grid [N, e…, rank] → Y [N, C, e…].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let grid = try inputs.required(1, .reals)
        guard mode == .nearest || Set.numbers.contains(x.type) else {
            throw LTError(
                .unsupported, "mode \(mode) of tensor(\(x.type.onnxName)), expected numbers, or mode nearest")
        }
        guard let places = try grid.dims("grid", ranks: 3...Int.max) else {
            return [
                Facts(x.type, try x.dims("X", ranks: 3...Int.max).map { [$0[0], $0[1]] + $0[2...].map { _ in nil } })
            ]
        }
        let dims = try x.dims("X", ranks: places.count...places.count)
        guard agree(places[places.count - 1], places.count - 2), agree(dims?[0], places[0]) else {
            throw LTError(
                .shapeMismatch,
                "grid is \(places.text), X \(dims?.text ?? "?"), expected places of "
                    + "\(places.count - 2) coordinates for each batch")
        }
        return [Facts(x.type, [dims?[0] ?? places[0], dims?[1]] + places[1..<places.count - 1])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        guard mode == .nearest else { return try computeNumbers(inputs) }
        let shape = try outputShape(inputs)
        let x = inputs[0]!
        let plane = x.dims[2...].reduce(1, *)
        var sources = [Int](repeating: -1, count: try Tensor.output(.uint8, shape).count)
        try eachPoint(inputs, shape) { sampler, index, planes in
            guard let place = sampler.taps.first?.place else { return }
            for channel in planes { sources[index(channel)] = channel * plane + place }
        }
        return [try x.picking(shape, from: sources)]
    }

    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (x, target) = (inputs[0]!, outputs[0].elements(T.self))
        let plane = x.dims[2...].reduce(1, *)
        guard let source = x.elements(T.self).baseAddress else { return }
        try eachPoint(inputs, outputs[0].shape) { sampler, index, planes in
            for channel in planes { target[index(channel)] = T(saturating: sampler.sum(source + channel * plane)) }
        }
    }

    /// Calls `body` with the sampler at each place of the grid, where Y has the sample of a plane of X, and the planes.
    private func eachPoint(
        _ inputs: [Tensor?], _ shape: Shape, _ body: (PointSampler, _ index: (Int) -> Int, Range<Int>) -> Void
    ) throws(LTError) {
        let extents = Array(inputs[0]!.dims[2...])
        let rank = extents.count
        var sampler = try PointSampler(extents, mode, padding, alignsCorners: alignsCorners)
        let (channels, count) = (shape[1], shape.dims[2...].reduce(1, *))
        // In the grid's own precision, which decides what is a tie.
        let isDouble = inputs[1]!.type == .float64
        let grid = try inputs[1]!.cast(to: .float64)
        let places = grid.elements(Double.self)
        for point in 0..<(shape.count == 0 ? 0 : places.count / rank) {
            sampler.move(
                to: extents.indices.lazy.map { axis in
                    let place = places[(point + 1) * rank - 1 - axis]
                    return isDouble
                        ? coordinate(place, extents[axis]) : Double(coordinate(Float(place), extents[axis]))
                })
            let batch = point / count
            body(sampler, { $0 * count + point % count }, batch * channels..<(batch + 1) * channels)
        }
    }

    private func coordinate<T: BinaryFloatingPoint>(_ place: T, _ extent: Int) -> T {
        alignsCorners ? (place + 1) / 2 * T(extent - 1) : ((place + 1) * T(extent) - 1) / 2
    }
}
