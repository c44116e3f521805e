// MaxRoiPool: regions of X, each cut into pooled_shape bins of whole elements (bins share those on their common edge): the
// largest element of each bin, 0 for one that has none. Regions are scaled by spatial_scale, then rounded.
// Opset 22 added bfloat16. https://onnx.ai/onnx/operators/onnx__MaxRoiPool.html

import LTCore

struct MaxRoiPoolOperator: RealOperator {
    static let schema = OperatorSchema("MaxRoiPool", opsets: 1...Opset.latest, inputs: 2...2, types: .reals)

    let height: Int
    let width: Int
    let scale: Double

    init(_ node: OperatorNode) throws(LTError) {
        guard let shape = try Window.extents(node.node, "pooled_shape", from: 1), shape.count == 2 else {
            throw LTError(.malformed, "attribute 'pooled_shape' is missing or has not 2 values")
        }
        (height, width) = (shape[0], shape[1])
        scale = Double(try node.node.float("spatial_scale") ?? 1)
    }

    /// X [N, C, H, W], rois [R, 5] (batch, x1, y1, x2, y2) → Y [R, C, …pooled_shape].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let rois = try inputs.required(1, [x.type]).dims("rois", ranks: 2...2)
        if let rois, !agree(rois[1], 5) {
            throw LTError(.shapeMismatch, "rois are \(rois.text), expected 5 numbers for each")
        }
        return [Facts(x.type, [rois?[0], try x.dims("X", ranks: 4...4)?[1], height, width])]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (x, regions) = (inputs[0]!, inputs[1]!)
        let (channels, rows, columns) = (x.dims[1], x.dims[2], x.dims[3])
        let (source, target, boxes) = (
            x.elements(T.self), outputs[0].elements(T.self), regions.elements(T.self).map { Double($0) }
        )
        var place = 0
        for region in 0..<(target.count == 0 ? 0 : regions.dims[0]) {
            let box = boxes[5 * region..<5 * region + 5].map { $0 }
            guard box[0] >= 0, box[0] < Double(x.dims[0]) else {
                throw LTError(.invalidArgument, "batch index \(box[0]), expected 0 to \(x.dims[0] - 1)")
            }
            let across = bins(from: box[1], to: box[3], count: width, extent: columns)
            let down = bins(from: box[2], to: box[4], count: height, extent: rows)
            for channel in 0..<channels {
                let plane = (Int(box[0]) * channels + channel) * rows * columns
                for rows in down {
                    for range in across {
                        var largest = rows.isEmpty || range.isEmpty ? 0 : -T.infinity
                        for row in rows {
                            for column in range { largest = largest.maximum(source[plane + row * columns + column]) }
                        }
                        target[place] = largest
                        place += 1
                    }
                }
            }
        }
    }

    /// The elements of each bin along one axis.
    private func bins(from begin: Double, to end: Double, count: Int, extent: Int) -> [Range<Int>] {
        let (begin, end) = ((begin * scale).rounded(), (end * scale).rounded())
        let size = max(end - begin + 1, 1) / Double(count)
        func clamp(_ place: Double) -> Int { place.isNaN ? 0 : Int(min(max(place, 0), Double(extent))) }
        return (0..<count).map { bin in
            let first = clamp((Double(bin) * size).rounded(.down) + begin)
            return first..<max(first, clamp((Double(bin + 1) * size).rounded(.up) + begin))
        }
    }
}
