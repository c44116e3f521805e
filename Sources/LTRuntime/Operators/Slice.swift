// Slice: X[starts:ends:steps] along axes, Python rules: negative places count from the end, out-of-range ones are clamped
// (unlike Python, a start before the begin is element 0 for a negative step too). Attributes before opset 10, inputs (and steps) from it on; 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Slice.html

import LTCore

struct SliceOperator: ViewOperator {
    static let schema = OperatorSchema("Slice", opsets: 1...Opset.latest, inputs: 1...5, types: .all)

    /// Before opset 10.
    let attributes: (starts: [Int], ends: [Int], axes: [Int]?)?

    init(_ node: OperatorNode) throws(LTError) {
        guard node.opset < 10 else {
            attributes = nil
            return
        }
        guard let starts = try node.node.ints("starts"), let ends = try node.node.ints("ends") else {
            throw LTError(.malformed, "attributes 'starts' and 'ends' are missing")
        }
        attributes = (starts, ends, try node.node.ints("axes"))
    }

    /// What one axis keeps: `count` elements from `start`, `step` apart.
    private struct Cut {
        var start = 0
        var step = 1
        var count: Int?
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        guard let dims = x.dims else { return [Facts(x.type, nil)] }
        guard let cuts = try cuts(inputs, dims) else { return [Facts(x.type, try unknownDims(dims.count))] }
        return [Facts(x.type, cuts.map(\.count))]
    }

    private func cuts(_ inputs: [Facts?], _ dims: [Int?]) throws(LTError) -> [Cut]? {
        var starts = attributes?.starts
        var ends = attributes?.ends
        var axes = attributes?.axes
        var steps: [Int]?
        if attributes == nil {
            starts = try inputs.required(1, .indices).integers("starts")
            ends = try inputs.required(2, .indices).integers("ends")
            if let input = try inputs.optional(3, .indices) {
                axes = try input.integers("axes")
                if axes == nil { return nil }
            }
            if let input = try inputs.optional(4, .indices) {
                steps = try input.integers("steps")
                if steps == nil { return nil }
            }
        }
        guard let starts, let ends else { return nil }
        let named = axes ?? Array(starts.indices)
        guard ends.count == starts.count, named.count == starts.count, steps?.count ?? starts.count == starts.count
        else {
            throw LTError(
                .shapeMismatch, "starts \(starts), ends \(ends), axes \(named), steps \(steps ?? []) differ in length")
        }
        var cuts = dims.map { Cut(count: $0) }
        for (index, axis) in try positions(named, rank: dims.count).enumerated() {
            let step = steps?[index] ?? 1
            guard step != 0 else { throw LTError(.invalidArgument, "step 0 on axis \(axis), expected another number") }
            cuts[axis] = dims[axis].map { cut($0, starts[index], ends[index], max(step, -Int.max)) } ?? Cut(step: step)
        }
        return cuts
    }

    private func cut(_ size: Int, _ start: Int, _ end: Int, _ step: Int) -> Cut {
        func clamp(_ place: Int, _ low: Int, _ high: Int) -> Int {
            min(max(place < 0 ? place + size : place, low), high)
        }
        let (first, last) =
            step > 0
            ? (clamp(start, 0, size), clamp(end, 0, size)) : (clamp(start, 0, size - 1), clamp(end, -1, size - 1))
        let distance = step > 0 ? last - first : first - last
        return Cut(start: first, step: step, count: distance <= 0 ? 0 : (distance - 1) / abs(step) + 1)
    }

    func views(_ inputs: [Facts?]) throws(LTError) -> [StridedIndices]? {
        guard let x = inputs[0]?.shape, let cuts = try cuts(inputs, x.dims) else { return nil }
        let counts = cuts.map { $0.count ?? 0 }
        guard !counts.contains(0) else { return [StridedIndices(counts, counts)] }
        var offset = 0
        var strides = x.strides
        for (axis, cut) in cuts.enumerated() {
            offset += cut.start * strides[axis]
            // A single element takes no step, however long it is.
            strides[axis] = counts[axis] == 1 ? 0 : strides[axis] * cut.step
        }
        return [StridedIndices(counts, strides, offset: offset)]
    }
}
