// Resize: X resampled to scales or sizes; nearest, linear or cubic, with ONNX's coordinate transformations.
// Opset 11 added roi, sizes, cubic and the transformations (before: asymmetric, floor), 13 bfloat16, 18 antialias, axes
// and keep_aspect_ratio_policy, 19 half_pixel_symmetric. https://onnx.ai/onnx/operators/onnx__Resize.html

import LTCore
import LTGraph

struct ResizeOperator: Operator {
    static let schema = OperatorSchema("Resize", opsets: 10...Opset.latest, inputs: 1...4, types: .all)

    let interpolation: Interpolation
    let axes: [Int]?
    let policy: String
    /// Opset 10 has X and scales only.
    let hasRoi: Bool

    init(_ node: OperatorNode) throws(LTError) {
        hasRoi = node.opset >= 11
        let node = node.node
        var interpolation = Interpolation()
        interpolation.mode = try Self.choice(node, "mode") ?? .nearest
        if hasRoi {
            interpolation.transformation = try Self.choice(node, "coordinate_transformation_mode") ?? .halfPixel
            interpolation.nearest = try Self.choice(node, "nearest_mode") ?? .preferFloor
        }
        interpolation.cubicCoefficient = Double(try node.float("cubic_coeff_a") ?? -0.75)
        interpolation.excludesOutside = try node.int("exclude_outside") ?? 0 != 0
        interpolation.antialiases = try node.int("antialias") ?? 0 != 0
        interpolation.extrapolation = Double(try node.float("extrapolation_value") ?? 0)
        self.interpolation = interpolation
        axes = try node.ints("axes")
        policy = try node.string("keep_aspect_ratio_policy") ?? "stretch"
        guard ["stretch", "not_larger", "not_smaller"].contains(policy) else {
            throw LTError(
                .invalidArgument,
                "attribute 'keep_aspect_ratio_policy' is '\(policy)', expected stretch, not_larger or not_smaller")
        }
    }

    private static func choice<Choice: RawRepresentable<String>>(
        _ node: Node, _ name: String
    ) throws(LTError) -> Choice? {
        guard let text = try node.string(name) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            throw LTError(.invalidArgument, "attribute '\(name)' is '\(text)', which ONNX does not define")
        }
        return choice
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        try interpolation.check(x.type)
        guard let dims = x.dims else { return [Facts(x.type, nil)] }
        guard let plan = try plan(inputs, dims) else { return [Facts(x.type, try unknownDims(dims.count))] }
        return [Facts(x.type, plan.map { $0?.output })]
    }

    /// What happens along each axis, nil where its extent is open; nil when scales or sizes are not known yet.
    func plan(_ inputs: [Facts?], _ dims: [Int?]) throws(LTError) -> [ResizeAxis?]? {
        let axes = try positions(axes ?? Array(dims.indices), rank: dims.count)
        var roi: [Double]?
        if interpolation.transformation == .cropAndResize {
            guard let value = try inputs.required(1, .reals).value else { return nil }
            roi = try value.cast(to: .float64).array(of: Double.self)
            guard roi?.count == 2 * axes.count, roi?.allSatisfy({ abs($0) < 1e6 }) == true else {
                throw LTError(.shapeMismatch, "roi is \(roi ?? []), expected a start and an end for \(axes.count) axes")
            }
        }
        var sizesInput = hasRoi ? try inputs.optional(3, [.int64]) : nil
        // Opsets 11 and 12 leave inputs out by giving empty tensors.
        if sizesInput?.dims == [0] { sizesInput = nil }
        let scalesInput = try inputs.optional(hasRoi ? 2 : 1, [.float32])
        var result = dims.map { $0.map { ResizeAxis(input: $0, output: $0, scale: 1) } }
        if let sizesInput {
            guard let sizes = try sizesInput.integers("sizes") else { return nil }
            guard sizes.count == axes.count, sizes.allSatisfy({ $0 >= 0 && $0 < 1 << 40 }) else {
                throw LTError(.shapeMismatch, "sizes are \(sizes), expected one for each of \(axes.count) axes")
            }
            let open = axes.contains { dims[$0] == nil }
            let scales = zip(axes, sizes).map { axis, size in Double(size) / Double(max(1, dims[axis] ?? 1)) }
            let common = policy == "not_larger" ? scales.min() : policy == "not_smaller" ? scales.max() : nil
            for (index, axis) in axes.enumerated() {
                guard let input = dims[axis], !(open && common != nil) else {
                    result[axis] = nil
                    continue
                }
                let scale = common ?? scales[index]
                let output = common.map { Int(min(1e15, $0 * Double(input) + 0.5)) } ?? sizes[index]
                result[axis] = ResizeAxis(input: input, output: output, scale: scale)
            }
        } else {
            guard let scalesInput else {
                throw LTError(.malformed, "neither scales nor sizes are given, expected one of them")
            }
            guard let scales = try scalesInput.value?.array(of: Float.self) else { return nil }
            try checkScales(scales, rank: axes.count)
            for (axis, scale) in zip(axes, scales) {
                guard let input = dims[axis] else { continue }
                result[axis] = ResizeAxis(
                    input: input, output: try scaledExtent(input, Double(scale)), scale: Double(scale))
            }
        }
        if let roi {
            for (index, axis) in axes.enumerated() {
                result[axis]?.roi = (roi[index], roi[axes.count + index])
            }
        }
        return result
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        let x = inputs[0]!
        let plan = try plan(inputs.map { $0.map { Facts($0) } }, x.dims) ?? []
        return [try interpolation.resize(x, plan.compactMap { $0 })]
    }
}

/// One positive, finite scale for each axis.
func checkScales(_ scales: [Float], rank: Int) throws(LTError) {
    guard scales.count == rank, scales.allSatisfy({ $0 > 0 && $0.isFinite }) else {
        throw LTError(.shapeMismatch, "scales are \(scales), expected one above 0 for each of \(rank) axes")
    }
}

/// ⌊extent · scale⌋, within what a shape can hold.
func scaledExtent(_ extent: Int, _ scale: Double) throws(LTError) -> Int {
    let scaled = (Double(extent) * scale).rounded(.down)
    guard scaled < 1e15 else { throw LTError(.outOfMemory, "extent \(extent) scaled by \(scale)") }
    return Int(scaled)
}
