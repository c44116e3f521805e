// Resize along the last two axes, and RoiAlign. Both take blocks of channels: a sample is a whole vector there.

import CLTKernels
import LTCore
import LTGraph

struct ResizeKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    private let planes: Int
    private let lanes: Int
    private let rows: Taps
    private let columns: Taps

    var label: String { "simd resize" }

    /// What makes the outputs along one axis.
    private struct Taps {
        let input: Int
        let output: Int
        let count: Int
        let places: [Int32]
        let weights: [Float]

        /// Nil where an output has more taps than the kernel takes.
        init?(_ interpolation: Interpolation, _ axis: ResizeAxis) {
            (input, output) = (axis.input, axis.output)
            var (places, weights): ([Int32], [Float]) = ([], [])
            var count = 1
            for position in 0..<axis.output {
                if axis.isIdentity || interpolation.mode == .nearest {
                    let place = axis.isIdentity ? position : interpolation.nearestPosition(position, axis)
                    guard place >= 0 else { return nil }
                    places.append(Int32(place))
                    weights.append(1)
                } else {
                    guard let taps = interpolation.taps(position, axis), taps.count <= Int(LT_MOST_TAPS),
                        position == 0 || taps.count == count
                    else { return nil }
                    count = taps.count
                    for tap in taps {
                        places.append(Int32(tap.index))
                        weights.append(Float(tap.weight))
                    }
                }
            }
            (self.count, self.places, self.weights) = (count, places, weights)
        }

        func withC<Result>(_ body: (lt_taps) -> Result) -> Result {
            places.withUnsafeBufferPointer { places in
                weights.withUnsafeBufferPointer { weights in
                    body(
                        lt_taps(
                            in: input, out: output, taps: count, places: places.baseAddress,
                            weights: weights.baseAddress))
                }
            }
        }
    }

    static let make: KernelMaker = { op, _, inputs, outputs, _ throws(LTError) in
        guard let resize = op as? ResizeOperator, let x = inputs[0], x.type == .float32, x.shape.rank >= 2,
            resize.interpolation.transformation != .cropAndResize,
            x.shape.dims.allSatisfy({ $0 < Int(Int32.max) }), outputs[0].shape.dims.allSatisfy({ $0 <= 1 << 16 }),
            let axes = try resize.plan(inputs.map { $0.map(Facts.init) }, x.shape.dims.map(Optional.some))
        else { return nil }
        let known = axes.compactMap { $0 }
        guard known.count == x.shape.rank, known.dropLast(2).allSatisfy(\.isIdentity),
            let rows = Taps(resize.interpolation, known[known.count - 2]),
            let columns = Taps(resize.interpolation, known[known.count - 1])
        else { return nil }
        let isBlocked = x.shape.rank == 4 && x.layout == .blocked(lt_channel_block())
        let layout = isBlocked ? x.layout : .plain
        let lanes = isBlocked ? lt_channel_block() : 1
        let outer = (layout.physicalDims(x.shape) ?? x.shape.dims).prefix(x.shape.rank - 2).reduce(1, *)
        return ResizeKernel(
            inputs: [layout] + [Layout?](repeating: nil, count: inputs.count - 1),
            outputs: [Operand(.float32, outputs[0].shape, layout: layout)], planes: outer, lanes: lanes, rows: rows,
            columns: columns)
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let kernel = self
        let (x, y) = (memory.floats(0), memory.outputFloats)
        return { () throws(LTError) in
            let status = kernel.rows.withC { rows in
                kernel.columns.withC { columns in lt_resample(x, kernel.planes, rows, columns, kernel.lanes, y) }
            }
            guard status == 0 else { throw LTError(.outOfMemory, "no memory for a line of \(kernel.columns.input)") }
        }
    }
}

struct RoiAlignKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    private let window: lt_roi_window
    private let images: Int

    var label: String { "simd roi align" }

    static let make: KernelMaker = { op, _, inputs, outputs, _ throws(LTError) in
        guard let align = op as? RoiAlignOperator, !align.takesMaximum, let x = inputs[0], let rois = inputs[1],
            x.type == .float32, (1...Int(LT_MOST_SAMPLES)).contains(align.samples),
            max(align.height, align.width) <= Int(LT_MOST_BINS), max(x.shape[2], x.shape[3]) < 1 << 24
        else { return nil }
        let window = lt_roi_window(
            channels: x.shape[1], height: x.shape[2], width: x.shape[3], regions: rois.shape[0],
            bins_height: align.height, bins_width: align.width, samples: align.samples, scale: Float(align.scale),
            shift: align.isHalfPixel ? 0.5 : 0)
        return RoiAlignKernel(
            inputs: [.blocked(lt_channel_block()), .plain, .plain],
            outputs: [Operand(.float32, outputs[0].shape)], window: window, images: x.shape[0])
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let (window, images) = (window, images)
        let (x, rois, y) = (memory.floats(0), memory.floats(1), memory.outputFloats)
        let places = memory.inputs[2].map { UnsafePointer($0.assumingMemoryBound(to: Int64.self)) }
        return { () throws(LTError) in
            for image in UnsafeBufferPointer(start: places, count: window.regions)
            where image < 0 || image >= Int64(images) {
                throw LTError(.invalidArgument, "batch index \(image), expected 0 to \(images - 1)")
            }
            withUnsafePointer(to: window) { window in lt_roi_align(window, x, rois, places, y) }
        }
    }
}
