// Resize and Upsample: nearest, linear, cubic. What libtorch has a kernel for goes there, everything else is a matrix per
// axis (rows sum to 1). https://onnx.ai/onnx/operators/onnx__Resize.html

import LTCore
import LTGraph

extension TorchOperatorTable {
    static let resize: Entry = { (node, opset) throws(LTError) in
        let legacy = opset < 11
        let mode = try ResizeMode(node, legacy: legacy)
        let axesAttribute = try node.ints("axes")
        return { (x: TorchArguments, _) throws(LTError) in
            let input = try x[0]
            var scales = [Double](repeating: 1, count: input.rank)
            var sizes = input.dims
            let axes = try (axesAttribute ?? Array(0..<input.rank)).map { (axis) throws(LTError) in
                try position(axis, input.rank)
            }
            let given = try x.optional(legacy ? 1 : 2).map { (s) throws(LTError) in
                try s.cast(.float64).array(of: Double.self)
            }
            if let given, given.count == axes.count {
                for (axis, scale) in zip(axes, given) {
                    scales[axis] = scale
                    sizes[axis] = Int((Double(sizes[axis]) * scale).rounded(.down))
                }
            } else if let wanted = try x.ints(3), wanted.count == axes.count {
                for (axis, size) in zip(axes, wanted) {
                    scales[axis] = Double(size) / Double(max(1, sizes[axis]))
                    sizes[axis] = size
                }
            } else {
                throw LTError(.malformed, "neither scales nor sizes for \(axes.count) axes")
            }
            return [try mode.apply(input, scales, sizes)]
        }
    }

    static let upsample: Entry = { (node, opset) throws(LTError) in
        let attribute = try node.floats("scales")
        let mode = try ResizeMode(node, legacy: true)
        return { (x: TorchArguments, _) throws(LTError) in
            let input = try x[0]
            var scales = attribute?.map(Double.init) ?? []
            if attribute == nil { scales = try x[1].cast(.float64).array(of: Double.self) }
            guard scales.count == input.rank else { throw LTError(.malformed, "\(scales.count) scales") }
            let sizes = zip(input.dims, scales).map { Int((Double($0) * $1).rounded(.down)) }
            return [try mode.apply(input, scales, sizes)]
        }
    }
}

/// How a Resize finds its samples.
struct ResizeMode: Sendable {
    var mode: String
    var coordinates: String
    var rounding: String
    var cubic: Double
    var excludeOutside: Bool

    /// - Parameter legacy: Upsample, and Resize of opset 10.
    init(_ node: Node, legacy: Bool) throws(LTError) {
        mode = try node.string("mode") ?? "nearest"
        coordinates = try node.string("coordinate_transformation_mode") ?? (legacy ? "asymmetric" : "half_pixel")
        rounding = try node.string("nearest_mode") ?? (legacy ? "floor" : "round_prefer_floor")
        cubic = Double(try node.float("cubic_coeff_a") ?? -0.75)
        excludeOutside = try node.int("exclude_outside") ?? 0 != 0
        let stretches = try node.string("keep_aspect_ratio_policy") ?? "stretch" == "stretch"
        guard ["nearest", "linear", "cubic"].contains(mode), try node.int("antialias") ?? 0 == 0, stretches,
            ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"].contains(coordinates)
        else {
            throw LTError(
                .unsupported,
                "\(node.opType) with mode '\(mode)', coordinates '\(coordinates)', or antialias or a policy")
        }
    }

    func apply(_ input: TorchTensor, _ scales: [Double], _ sizes: [Int]) throws(LTError) -> TorchTensor {
        let dims = input.dims
        guard zip(sizes, dims).allSatisfy({ $0 > 0 && $0 < 1 << 20 && $1 > 0 }) else {
            throw LTError(.shapeMismatch, "resizing \(dims) to \(sizes)")
        }
        let exact = zip(sizes, zip(dims, scales)).allSatisfy { Double($0) == Double($1.0) * $1.1 }
        if dims.count == 4, sizes[..<2] == dims[..<2], exact {
            let target = TorchValue.ints(Array(sizes[2...]))
            switch (mode, coordinates) {
            case ("nearest", "asymmetric") where rounding == "floor":
                return try Torch.one("upsample_nearest2d", [.tensor(input), target])
            case ("linear", "half_pixel"):
                return try Torch.one("upsample_bilinear2d", [.tensor(input), target, .bool(false)])
            case ("linear", "align_corners"):
                return try Torch.one("upsample_bilinear2d", [.tensor(input), target, .bool(true)])
            default: break
            }
        }
        var result = input
        for axis in dims.indices where sizes[axis] != dims[axis] || scales[axis] != 1 {
            let weights = matrix(from: dims[axis], to: sizes[axis], scale: scales[axis])
            let tensor = try TorchTensor(weights, [sizes[axis], dims[axis]]).cast(input.type ?? .float32).like(input)
            // The axis goes last, is multiplied and goes back.
            let last = try Torch.one("transpose.int", [.tensor(result), .int(axis), .int(-1)])
            let product = try Torch.one("linear", [.tensor(last), .tensor(tensor), .none])
            result = try Torch.one("transpose.int", [.tensor(product), .int(axis), .int(-1)])
        }
        return result
    }

    /// [outputs, inputs] row-major.
    private func matrix(from inputs: Int, to outputs: Int, scale: Double) -> [Double] {
        var matrix = [Double](repeating: 0, count: outputs * inputs)
        for output in 0..<outputs {
            let x = coordinate(output, inputs, scale)
            let base = Int(x.rounded(.down))
            let fraction = x - x.rounded(.down)
            var taps: [(index: Int, weight: Double)]
            switch mode {
            case "nearest":
                let nearest =
                    switch rounding {
                    case "floor": x.rounded(.down)
                    case "ceil": x.rounded(.up)
                    case "round_prefer_ceil": (x + 0.5).rounded(.down)
                    default: (x - 0.5).rounded(.up)
                    }
                taps = [(Int(nearest), 1)]
            case "linear": taps = [(base, 1 - fraction), (base + 1, fraction)]
            default:
                taps = (-1...2).map { (base + $0, keys(abs(fraction - Double($0)))) }
                if excludeOutside {
                    taps.removeAll { $0.index < 0 || $0.index >= inputs }
                    let sum = taps.reduce(0) { $0 + $1.weight }
                    taps = taps.map { ($0.index, $0.weight / sum) }
                }
            }
            for (index, weight) in taps { matrix[output * inputs + min(max(index, 0), inputs - 1)] += weight }
        }
        return matrix
    }

    private func coordinate(_ output: Int, _ inputs: Int, _ scale: Double) -> Double {
        // The length that the scale asks for, before it is rounded down to whole positions.
        let length = Double(inputs) * scale
        switch coordinates {
        case "asymmetric": return Double(output) / scale
        case "align_corners": return length == 1 ? 0 : Double(output) * Double(inputs - 1) / (length - 1)
        case "pytorch_half_pixel" where length <= 1: return 0
        default: return (Double(output) + 0.5) / scale - 0.5
        }
    }

    /// Keys' cubic kernel.
    private func keys(_ d: Double) -> Double {
        if d <= 1 { return ((cubic + 2) * d - (cubic + 3)) * d * d + 1 }
        return d < 2 ? ((cubic * d - 5 * cubic) * d + 8 * cubic) * d - 4 * cubic : 0
    }
}
