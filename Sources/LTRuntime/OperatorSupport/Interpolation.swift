// Interpolation: where an output coordinate of Resize falls on the input, and the weights of its neighbours. Axes are
// independent of each other (all of ONNX's kernels are separable), so everything here is about one axis.

import LTCore

/// How Resize and Upsample interpolate; the names are ONNX's.
struct Interpolation: Sendable {
    enum Mode: String, Sendable {
        case nearest, linear, cubic
    }

    enum Transformation: String, Sendable {
        case halfPixel = "half_pixel"
        case halfPixelSymmetric = "half_pixel_symmetric"
        case pytorchHalfPixel = "pytorch_half_pixel"
        case alignCorners = "align_corners"
        case asymmetric
        case cropAndResize = "tf_crop_and_resize"
        case halfPixelForNearest = "tf_half_pixel_for_nn"
    }

    enum Nearest: String, Sendable {
        case preferFloor = "round_prefer_floor"
        case preferCeil = "round_prefer_ceil"
        case floor, ceil
    }

    var mode = Mode.nearest
    var transformation = Transformation.asymmetric
    var nearest = Nearest.floor
    var cubicCoefficient = -0.75
    var excludesOutside = false
    var antialiases = false
    var extrapolation = 0.0
}

/// One axis of a resize. `scale` is what was asked for; `output` may be rounded.
struct ResizeAxis: Sendable {
    var input: Int
    var output: Int
    var scale: Double
    /// Only for tf_crop_and_resize: the part of the input to look at, in units of the whole.
    var roi: (start: Double, end: Double)?

    var isIdentity: Bool { input == output && scale == 1 && roi == nil }
}

extension Interpolation {
    /// Any element has neighbours, but only numbers and bools are added up.
    func check(_ type: ElementType) throws(LTError) {
        guard mode == .nearest || type == .bool || Set.numbers.contains(type) else {
            throw LTError(.unsupported, "mode \(mode) of tensor(\(type.onnxName)), expected numbers, or mode nearest")
        }
    }

    /// The coordinate on the input of output `position`; nil where tf_crop_and_resize looks outside. In float32, as
    /// ONNX Runtime and PyTorch compute it: on a side of 500 pixels it is off by up to 3e-5, and so are the weights.
    func coordinate(_ position: Int, _ axis: ResizeAxis) -> Float? {
        let (x, scale, extent) = (Float(position), Float(axis.scale), Float(axis.input))
        let (width, last) = (scale * extent, extent - 1)
        switch transformation {
        case .halfPixel: return (x + 0.5) / scale - 0.5
        case .halfPixelSymmetric:
            let offset = extent / 2 * (1 - Float(axis.output) / width)
            return offset + (x + 0.5) / scale - 0.5
        case .pytorchHalfPixel: return width == 1 ? -0.5 : (x + 0.5) / scale - 0.5
        case .alignCorners: return width == 1 ? 0 : x * last / (width - 1)
        case .asymmetric: return x / scale
        case .halfPixelForNearest: return (x + 0.5) / scale
        case .cropAndResize:
            let (start, end) = axis.roi.map { (Float($0.start), Float($0.end)) } ?? (0, 1)
            let place = width == 1 ? (end - start) * last / 2 : x * (end - start) * last / (width - 1)
            let found = place + start * last
            return found < 0 || found > last ? nil : found
        }
    }

    /// The nearest input position; -1 outside.
    func nearestPosition(_ position: Int, _ axis: ResizeAxis) -> Int {
        guard let x = coordinate(position, axis) else { return -1 }
        let rounded =
            switch nearest {
            case .preferFloor: (x - 0.5).rounded(.up)
            case .preferCeil: (x + 0.5).rounded(.down)
            case .floor: x.rounded(.down)
            case .ceil: x.rounded(.up)
            }
        return Int(max(0, min(Float(axis.input - 1), rounded)))
    }

    /// The input positions (clamped to the edges) and weights that make output `position`; nil outside.
    func taps(_ position: Int, _ axis: ResizeAxis) -> [(index: Int, weight: Double)]? {
        guard let x = coordinate(position, axis).map({ Double($0) }), x.isFinite, abs(x) < 1e15 else { return nil }
        // The left neighbour of a coordinate that is whole is the one before it.
        let left = x.rounded(.up) - 1
        let ratio = x - left
        let stretch = antialiases ? min(axis.scale, 1) : 1
        let reach = mode == .cubic ? 2.0 : 1.0
        let start = Int((-reach / stretch).rounded(.down)) + 1
        let end = 1 - start
        var taps: [(index: Int, weight: Double)] = []
        var total = 0.0
        for offset in start...max(start, end) {
            let place = Int(left) + offset
            var weight = self.weight((Double(offset) - ratio) * stretch)
            if excludesOutside, place < 0 || place >= axis.input { weight = 0 }
            total += weight
            taps.append((max(0, min(axis.input - 1, place)), weight))
        }
        if antialiases || excludesOutside { for index in taps.indices { taps[index].weight /= total } }
        return taps
    }

    private func weight(_ distance: Double) -> Double {
        mode == .cubic ? cubicWeight(distance, cubicCoefficient) : max(0, 1 - abs(distance))
    }

    /// Resizes a tensor along its axes, one after the other.
    func resize(_ x: Tensor, _ axes: [ResizeAxis]) throws(LTError) -> Tensor {
        let shape = try Shape(axes.map(\.output))
        guard shape.count > 0 else { return try x.picking(shape, from: EmptyCollection()) }
        guard x.count > 0 else { throw LTError(.shapeMismatch, "X \(x.shape) is empty, output \(shape) is not") }
        if mode == .nearest {
            // What is no number has no extrapolation_value.
            let fill = Set.numbers.contains(x.type) ? try Tensor(scalar: extrapolation).cast(to: x.type) : nil
            return try x.picking(shape, axes: { nearestPosition($1, axes[$0]) }, fill: fill)
        }
        var values = try x.cast(to: .float64)
        for (axis, geometry) in axes.enumerated() where !geometry.isIdentity {
            var dims = values.dims
            dims[axis] = geometry.output
            let result = try Tensor.output(.float64, try Shape(dims))
            let (source, target) = (values.elements(Double.self), result.elements(Double.self))
            let (from, to) = (Lines(values.dims, axis: axis), Lines(dims, axis: axis))
            for place in 0..<geometry.output {
                let taps = taps(place, geometry)
                for line in 0..<to.count {
                    let start = from.start(line)
                    // NaN marks what lies outside until all axes are done: it survives every later sum.
                    let sum = taps?.reduce(0.0) { $0 + $1.weight * source[start + $1.index * from.stride] }
                    target[to.start(line) + place * to.stride] = sum ?? .nan
                }
            }
            withExtendedLifetime(values) {}
            values = result
        }
        if transformation == .cropAndResize {
            for (index, value) in values.elements(Double.self).enumerated() where value.isNaN {
                values.elements(Double.self)[index] = extrapolation
            }
        }
        return try values.cast(to: x.type)
    }
}

/// Keys' cubic convolution kernel; `a` is its slope at distance 1.
func cubicWeight(_ distance: Double, _ a: Double) -> Double {
    let x = abs(distance)
    if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
}
