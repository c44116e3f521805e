// Masks: a model's probabilities → run lengths over the original image. Small masks cover their box and are pasted as
// torchvision's paste_masks_in_image does it; masks of the input tensor's frame go back through the geometry, linearly.

import LTCore
import LTImage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Rows × columns of numbers, row-major. Valid as long as what they point into.
struct MaskValues {
    let pointer: UnsafePointer<Float>
    let width: Int
    let height: Int
}

extension RunLengthMask {
    /// Pastes a mask that covers `box` into an image: a border of zeros is put around it and the box grows by as much,
    /// its corners are cut to whole pixels, the mask is stretched over them linearly (pixel centres at halves) and cut at
    /// the image's edges. A pixel belongs to the mask above the threshold. Float32, as torchvision.
    static func pasted(
        _ values: MaskValues, into box: Box, width: Int, height: Int, threshold: Float
    ) throws(LTError) -> RunLengthMask {
        var builder = Builder(width: width, height: height)
        // Without values or with a box that is no box there is nothing to paste.
        guard values.width > 0, values.height > 0, box.isFinite else { return builder.mask }
        let (columns, rows) = (values.width + 2, values.height + 2)
        func grown(_ low: Float, _ high: Float, _ side: Int) -> (first: Int, count: Int) {
            let half = (high - low) * 0.5 * (Float(side + 2) / Float(side))
            let center = (high + low) * 0.5
            // Far outside the image a position matters no more.
            let clamp = { (value: Float) in Int(max(-0x1p30, min(0x1p30, value))) }
            let (first, last) = (clamp(center - half), clamp(center + half))
            return (first, max(last - first + 1, 1))
        }
        let horizontal = grown(box.x1, box.x2, values.width)
        let vertical = grown(box.y1, box.y2, values.height)
        let xs =
            max(horizontal.first, 0)..<max(max(horizontal.first, 0), min(horizontal.first + horizontal.count, width))
        let ys = max(vertical.first, 0)..<max(max(vertical.first, 0), min(vertical.first + vertical.count, height))
        let steps = ys.map { Step($0 - vertical.first, rows, vertical.count) }
        var column = [Float](repeating: 0, count: rows)
        for x in xs {
            let step = Step(x - horizontal.first, columns, horizontal.count)
            // The border stays 0.
            for row in 0..<values.height {
                let line = values.pointer + row * values.width - 1
                let left = 1...values.width ~= step.low ? line[step.low] : 0
                let right = 1...values.width ~= step.high ? line[step.high] : 0
                column[row + 1] = step.lowWeight * left + step.highWeight * right
            }
            builder.skip(toX: x, y: ys.lowerBound)
            for step in steps {
                builder.append(step.lowWeight * column[step.low] + step.highWeight * column[step.high] > threshold)
            }
        }
        return builder.mask
    }

    /// Brings a mask of the input tensor's frame to the original image: unchanged where the tensor is the image, else
    /// linearly between the centres of its values. What the tensor does not show is not in the mask.
    /// - Parameter box: in pixels of the original; what lies outside is not in the mask. `nil`: everything counts.
    static func restored(
        _ values: MaskValues, _ geometry: ImageGeometry, threshold: Float, within box: Box? = nil
    ) throws(LTError) -> RunLengthMask {
        let (width, height) = (geometry.originalWidth, geometry.originalHeight)
        var builder = Builder(width: width, height: height)
        guard let found = values.bounds(above: threshold) else { return builder.mask }
        let (scaleX, scaleY) = (
            Double(values.width) / Double(geometry.width), Double(values.height) / Double(geometry.height)
        )
        /// Where along an axis a pixel's centre lies among the values; nil outside the tensor.
        func steps(
            _ count: Int, _ limits: (low: Float, high: Float)?, _ scale: Double, _ offset: Double, _ side: Int,
            _ values: Int, _ valueScale: Double, _ found: ClosedRange<Int>
        ) -> (first: Int, steps: [Step]) {
            var first = 0
            var steps: [Step] = []
            for pixel in 0..<count {
                let center = Double(pixel) + 0.5
                if let limits, Double(limits.low) > center || Double(limits.high) <= center { continue }
                let place = center * scale + offset
                guard place >= 0, place < Double(side) else { continue }
                let step = Step(at: Float(max(place * valueScale - 0.5, 0)), values)
                // Neighbours of the values above the threshold are enough.
                guard step.high >= found.lowerBound, step.low <= found.upperBound else { continue }
                if steps.isEmpty { first = pixel }
                steps.append(step)
            }
            return (first, steps)
        }
        let (firstX, xs) = steps(
            width, box.map { ($0.x1, $0.x2) }, geometry.scaleX, geometry.offsetX, geometry.width, values.width, scaleX,
            found.columns)
        let (firstY, ys) = steps(
            height, box.map { ($0.y1, $0.y2) }, geometry.scaleY, geometry.offsetY, geometry.height, values.height,
            scaleY,
            found.rows)
        guard !ys.isEmpty else { return builder.mask }
        for (offset, x) in xs.enumerated() {
            builder.skip(toX: firstX + offset, y: firstY)
            for y in ys {
                let (top, bottom) = (values.pointer + y.low * values.width, values.pointer + y.high * values.width)
                let upper = x.lowWeight * top[x.low] + x.highWeight * top[x.high]
                let lower = x.lowWeight * bottom[x.low] + x.highWeight * bottom[x.high]
                builder.append(y.lowWeight * upper + y.highWeight * lower > threshold)
            }
        }
        return builder.mask
    }

    /// Two neighbouring values and their weights.
    private struct Step {
        let low: Int
        let high: Int
        let lowWeight: Float
        let highWeight: Float

        /// Value `index` of `count` that are made of `source` ones; centres at halves, edges repeated.
        init(_ index: Int, _ source: Int, _ count: Int) {
            let scale = Float(source) / Float(count)
            self.init(at: max(scale * (Float(index) + 0.5) - 0.5, 0), source)
        }

        init(at place: Float, _ source: Int) {
            low = min(Int(place), source - 1)
            high = min(low + 1, source - 1)
            highWeight = min(max(place - Float(low), 0), 1)
            lowWeight = 1 - highWeight
        }
    }
}

extension MaskValues {
    /// The rows and columns that hold all values above the threshold.
    fileprivate func bounds(above threshold: Float) -> (columns: ClosedRange<Int>, rows: ClosedRange<Int>)? {
        var (left, right, top, bottom) = (width, -1, height, -1)
        for row in 0..<height {
            let line = UnsafeBufferPointer(start: pointer + row * width, count: width)
            guard let first = line.firstIndex(where: { $0 > threshold }) else { continue }
            (top, bottom) = (min(top, row), row)
            left = min(left, first)
            if let last = line.lastIndex(where: { $0 > threshold }) { right = max(right, last) }
        }
        return right < 0 ? nil : (left...right, top...bottom)
    }
}

extension DetectionHead {
    /// The masks of one image's candidates.
    struct Masks {
        private enum Source {
            case values(MaskSource)
            case prototypes(UnsafePointer<Float>, count: Int, width: Int, height: Int)
        }
        private let head: DetectionHead
        private let rows: Rows
        private let source: Source

        /// `nil` for a model without masks.
        init?(
            _ head: DetectionHead, _ tensors: [String: Tensor], image: Int, of images: Int, rows: Rows
        ) throws(LTError) {
            self.head = head
            self.rows = rows
            let reader = Reader(head: head, tensors: tensors, image: image, images: images)
            if let tensor = try reader.tensor(.masks) {
                var (dims, start) = try reader.part(.masks, tensor, rows.isBatched)
                if dims.count == 4, dims[1] == 1 { dims.remove(at: 1) }
                guard dims.count == 3, dims[0] == rows.capacity else {
                    throw reader.mismatch(.masks, tensor, "[\(rows.capacity),h,w] for each image")
                }
                source = .values(try MaskSource(tensor, start: start, width: dims[2], height: dims[1]))
            } else if let tensor = try reader.tensor(.prototypes) {
                // Prototypes are of rank 3, or of rank 4 with a batch of their own.
                let (dims, start) = try reader.part(.prototypes, tensor, tensor.dims.count == 4)
                guard dims.count == 3, dims[0] == rows.coefficients?.columns else {
                    throw reader.mismatch(
                        .prototypes, tensor, "[\(rows.coefficients?.columns ?? 0),h,w] for each image")
                }
                let pointer = try reader.floats(.prototypes, tensor) + start
                source = .prototypes(pointer, count: dims[0], width: dims[2], height: dims[1])
            } else {
                return nil
            }
        }

        /// The mask of a candidate over the original image.
        /// - Parameter box: in pixels of the original image, not cut at its edges.
        func mask(_ row: Int, _ box: Box, _ geometry: ImageGeometry) throws(LTError) -> RunLengthMask {
            switch source {
            case .values(let masks):
                let buffer = try masks.converted(row)
                return try withExtendedLifetime(buffer) { () throws(LTError) in
                    let values = masks.values(row, buffer)
                    let isImage = values.width == geometry.width && values.height == geometry.height
                    if (head.maskFrame ?? (isImage ? .image : .box)) == .image {
                        return try .restored(values, geometry, threshold: head.maskThreshold)
                    }
                    return try .pasted(
                        values, into: box, width: geometry.originalWidth, height: geometry.originalHeight,
                        threshold: head.maskThreshold)
                }
            case .prototypes(let pointer, let count, let width, let height):
                let buffer = try Buffer.zeroed(byteCount: width * height * 4)
                let sums = buffer.pointer.assumingMemoryBound(to: Float.self)
                for index in 0..<count {
                    let weight = rows.coefficients?[row, index] ?? 0
                    let prototype = pointer + index * width * height
                    for position in 0..<width * height { sums[position] += weight * prototype[position] }
                }
                // Sums are compared where sigmoids would be: both grow together.
                let threshold = DetectionDecider.logOdds(min(max(head.maskThreshold, 0), 1))
                return try withExtendedLifetime(buffer) { () throws(LTError) in
                    try .restored(
                        MaskValues(pointer: sums, width: width, height: height), geometry, threshold: threshold,
                        within: box)
                }
            }
        }
    }

    /// Masks of floats, or of truth values, which become floats one by one.
    struct MaskSource {
        private let tensor: Tensor
        private let start: Int
        private let width: Int
        private let height: Int

        init(_ tensor: Tensor, start: Int, width: Int, height: Int) throws(LTError) {
            guard [.float32, .bool, .uint8].contains(tensor.type) else {
                throw LTError(
                    .typeMismatch, "masks are tensor(\(tensor.type.onnxName)), expected tensor(float) or tensor(bool)")
            }
            self.tensor = tensor
            (self.start, self.width, self.height) = (start, width, height)
        }

        fileprivate func converted(_ row: Int) throws(LTError) -> Buffer? {
            guard tensor.type != .float32 else { return nil }
            let count = width * height
            let buffer = try Buffer(byteCount: count * 4)
            let bytes = tensor.rawPointer.assumingMemoryBound(to: UInt8.self) + start + row * count
            let floats = buffer.pointer.assumingMemoryBound(to: Float.self)
            for index in 0..<count { floats[index] = bytes[index] == 0 ? 0 : 1 }
            return buffer
        }

        fileprivate func values(_ row: Int, _ buffer: Buffer?) -> MaskValues {
            let pointer =
                buffer.map { UnsafePointer($0.pointer.assumingMemoryBound(to: Float.self)) }
                ?? UnsafePointer(tensor.rawPointer.assumingMemoryBound(to: Float.self)) + start + row * width * height
            return MaskValues(pointer: pointer, width: width, height: height)
        }
    }
}
