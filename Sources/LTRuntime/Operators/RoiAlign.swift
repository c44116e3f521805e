// RoiAlign: regions of interest of X, each cut into output_height × output_width bins: the mean (mode avg) of bilinear
// samples in each bin, sampling_ratio² of them or (0) about one per element of X. In mode max the largest of the samples'
// weighted corners, as in the standard's own implementation. Samples beyond an element outside X count as 0.
// Opset 16 added coordinate_transformation_mode half_pixel, which shifts regions by -0.5 and is the default from it on;
// without it regions are at least 1 × 1. 22 added bfloat16. https://onnx.ai/onnx/operators/onnx__RoiAlign.html

import LTCore

struct RoiAlignOperator: RealOperator {
    static let schema = OperatorSchema("RoiAlign", opsets: 10...Opset.latest, inputs: 3...3, types: .reals)

    let takesMaximum: Bool
    let height: Int
    let width: Int
    /// Along each axis of a bin; 0: as many as the bin has elements.
    let samples: Int
    let scale: Double
    let isHalfPixel: Bool

    init(_ node: OperatorNode) throws(LTError) {
        let mode = try node.node.string("mode") ?? "avg"
        guard mode == "avg" || mode == "max" else {
            throw LTError(.invalidArgument, "attribute 'mode' is '\(mode)', expected avg or max")
        }
        takesMaximum = mode == "max"
        let attribute = "coordinate_transformation_mode"
        let transformation =
            node.opset < 16 ? "output_half_pixel" : try node.node.string(attribute) ?? "half_pixel"
        guard transformation == "half_pixel" || transformation == "output_half_pixel" else {
            throw LTError(
                .invalidArgument,
                "attribute '\(attribute)' is '\(transformation)', expected half_pixel or output_half_pixel")
        }
        isHalfPixel = transformation == "half_pixel"
        scale = Double(try node.node.float("spatial_scale") ?? 1)
        height = try node.node.int("output_height") ?? 1
        width = try node.node.int("output_width") ?? 1
        samples = try node.node.int("sampling_ratio") ?? 0
        for (name, value, range) in [
            ("output_height", height, 1...OperatorLimits.extent), ("output_width", width, 1...OperatorLimits.extent),
            ("sampling_ratio", samples, 0...1 << 12),
        ] where !range.contains(value) {
            throw LTError(
                .invalidArgument,
                "attribute '\(name)' is \(value), expected \(range.lowerBound) to \(range.upperBound)")
        }
    }

    /// X [N, C, H, W], rois [R, 4] (x1, y1, x2, y2), batch_indices [R] → Y [R, C, output_height, output_width].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let rois = try inputs.required(1, [x.type]).dims("rois", ranks: 2...2)
        let batches = try inputs.required(2, [.int64]).dims("batch_indices", ranks: 1...1)
        if let rois, !agree(rois[1], 4) {
            throw LTError(.shapeMismatch, "rois are \(rois.text), expected 4 numbers for each")
        }
        if let rois, let batches, !agree(rois[0], batches[0]) {
            throw LTError(.shapeMismatch, "rois are \(rois.text), batch_indices \(batches.text), expected one for each")
        }
        let dims = try x.dims("X", ranks: 4...4)
        return [Facts(x.type, [rois?[0] ?? batches?[0], dims?[1], height, width])]
    }

    /// The samples of all bins along one axis, as input places with weights.
    private struct Taps<T> {
        /// Bin k has the taps from bounds[k] to bounds[k + 1].
        var bounds = [0]
        var places: [Int] = []
        var weights: [T] = []
        /// Whether a sample of the bin lies outside.
        var misses: [Bool] = []
        /// Samples per bin.
        var grid = 0.0
    }

    /// Computed in T, as the standard's own implementation does: its rounding decides what lies outside.
    private func taps<T: Real>(from begin: T, to end: T, bins: Int, extent: Int) -> Taps<T> {
        let offset: T = isHalfPixel ? 0.5 : 0
        let start = begin * T(scale) - offset
        let wanted = end * T(scale) - offset - start
        let length = isHalfPixel ? wanted : max(wanted, 1)
        let size = length / T(bins)
        var taps = Taps<T>()
        guard abs(start) < 1e15, abs(length) < 1e15 else {
            taps.bounds = [Int](repeating: 0, count: bins + 1)
            taps.misses = [Bool](repeating: true, count: bins)
            return taps
        }
        taps.grid = samples > 0 ? Double(samples) : Double(size.rounded(.up))
        let (step, last) = (Double(size) / taps.grid, T(extent - 1))
        for bin in 0..<bins {
            let origin = start + T(bin) * size
            // Only the samples near the input are walked, however large the region is.
            var (first, end) = (0.0, max(taps.grid, 0))
            if step > 0 {
                first = min(max(((-1 - Double(origin)) / step - 2).rounded(.down), 0), end)
                end = max(min((Double(last + 1 - origin) / step + 2).rounded(.up), end), first)
            }
            var misses = first > 0 || end < taps.grid
            let base = taps.places.count
            for sample in Int(first)..<Int(end) {
                let place = origin + (T(sample) + 0.5) * size / T(taps.grid)
                guard place >= -1, place <= last + 1 else {
                    misses = true
                    continue
                }
                let inside = min(max(place, 0), last)
                let low = inside.rounded(.down)
                for (tap, weight) in [(low, 1 - inside + low), (min(low + 1, last), inside - low)] {
                    let tap = Int(tap)
                    // Neighbouring samples share places; for a mean their weights add up.
                    let shared = taps.places.indices.suffix(2).last { $0 >= base && taps.places[$0] == tap }
                    if let shared, !takesMaximum {
                        taps.weights[shared] += weight
                    } else {
                        taps.places.append(tap)
                        taps.weights.append(weight)
                    }
                }
            }
            taps.bounds.append(taps.places.count)
            taps.misses.append(misses)
        }
        return taps
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (x, regions) = (inputs[0]!, inputs[1]!.elements(T.self))
        let batches = inputs[2]!.elements(Int64.self)
        for batch in batches where batch < 0 || batch >= Int64(x.dims[0]) {
            throw LTError(.invalidArgument, "batch index \(batch), expected 0 to \(x.dims[0] - 1)")
        }
        guard outputs[0].count > 0, var target = outputs[0].elements(T.self).baseAddress else { return }
        let (channels, rows, columns) = (x.dims[1], x.dims[2], x.dims[3])
        guard let source = x.elements(T.self).baseAddress, rows > 0, columns > 0 else {
            target.update(repeating: 0, count: outputs[0].count)
            return
        }
        let memory = try Buffer(byteCount: columns * MemoryLayout<T>.stride)
        defer { withExtendedLifetime(memory) {} }
        let line = memory.pointer.bindMemory(to: T.self, capacity: columns)
        for region in batches.indices {
            let box = regions[4 * region..<4 * region + 4].map { $0 }
            let across = taps(from: box[0], to: box[2], bins: width, extent: columns)
            let down = taps(from: box[1], to: box[3], bins: height, extent: rows)
            let count = T(max(across.grid * down.grid, 1))
            let used = (across.places.min() ?? 0)..<(across.places.max() ?? -1) + 1
            for channel in 0..<channels {
                let plane = source + (Int(batches[region]) * channels + channel) * rows * columns
                for bin in 0..<height {
                    fold(plane, columns, down, bin, used, into: line)
                    pool(line, across, isEmpty: down.bounds[bin] == down.bounds[bin + 1], count, into: target)
                    if takesMaximum {
                        for column in 0..<width where down.misses[bin] || across.misses[column] {
                            target[column] = max(target[column], 0)
                        }
                    }
                    target += width
                }
            }
        }
    }

    /// The rows of a bin folded into one: their weighted sum, or the largest weighted elements. Weights are never
    /// negative, so maxima may be taken row by row.
    private func fold<T: Real>(
        _ plane: UnsafeMutablePointer<T>, _ columns: Int, _ rows: Taps<T>, _ bin: Int, _ used: Range<Int>,
        into line: UnsafeMutablePointer<T>
    ) {
        for (number, tap) in (rows.bounds[bin]..<rows.bounds[bin + 1]).enumerated() {
            let (row, weight) = (plane + rows.places[tap] * columns, rows.weights[tap])
            if number == 0 {
                for column in used { line[column] = weight * row[column] }
            } else if takesMaximum {
                for column in used { line[column] = max(line[column], weight * row[column]) }
            } else {
                for column in used { line[column] += weight * row[column] }
            }
        }
    }

    private func pool<T: Real>(
        _ line: UnsafeMutablePointer<T>, _ columns: Taps<T>, isEmpty: Bool, _ count: T,
        into target: UnsafeMutablePointer<T>
    ) {
        for bin in 0..<width {
            let taps = columns.bounds[bin]..<columns.bounds[bin + 1]
            if taps.isEmpty || isEmpty {
                target[bin] = 0
            } else if takesMaximum {
                target[bin] = taps.reduce(-.infinity) { max($0, columns.weights[$1] * line[columns.places[$1]]) }
            } else {
                target[bin] = taps.reduce(0) { $0 + columns.weights[$1] * line[columns.places[$1]] } / count
            }
        }
    }
}
