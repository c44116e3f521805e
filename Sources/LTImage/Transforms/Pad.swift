// Pad: letterbox and padding to a multiple place the picture on a larger canvas, in the middle (odd pixel right and
// bottom, as Ultralytics' round(d - 0.1)) or at the top left.

import LTCore

extension Image {
    /// A picture of `width` × `height` pixels with this one's (0, 0) at (`x`, `y`), which may lie outside; the rest is `fill`,
    /// one value per channel.
    /// - Throws: `invalidArgument` for sizes below 1 or another number of values; `outOfMemory`.
    public func placed(x: Int, y: Int, width: Int, height: Int, fill: [UInt8]) throws(LTError) -> Image {
        guard fill.count == channels else {
            throw LTError(.invalidArgument, "\(fill.count) values to fill \(channels) channels")
        }
        if x == 0, y == 0, width == self.width, height == self.height { return self }
        let result = try Image(width: width, height: height, channels: channels)
        // The columns begin ..< end and rows top ..< bottom come from here.
        let begin = min(max(x, 0), width)
        let end = max(begin, min(width, x.addingReportingOverflow(self.width).partialValue))
        let top = min(max(y, 0), height)
        let bottom = max(top, min(height, y.addingReportingOverflow(self.height).partialValue))
        if begin > 0 || end < width || top > 0 || bottom < height {
            if Set(fill).count == 1 {
                result.bytes.update(repeating: fill[0])
            } else {
                for at in result.bytes.indices { result.bytes[at] = fill[at % channels] }
            }
        }
        guard begin < end else { return result }
        for row in top..<bottom {
            (result.pixels.pointer + (row * width + begin) * channels).copyMemory(
                from: pixels.pointer + ((row - y) * self.width + begin - x) * channels,
                byteCount: (end - begin) * channels)
        }
        return result
    }
}

extension Preprocess {
    func place(_ plan: inout PreprocessPlan, _ canvas: Size) {
        if pad?.at ?? .center == .center {
            plan.left += (canvas.width - plan.width) / 2
            plan.top += (canvas.height - plan.height) / 2
        }
        plan.width = canvas.width
        plan.height = canvas.height
    }
}
