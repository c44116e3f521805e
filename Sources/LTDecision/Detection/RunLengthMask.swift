// RunLengthMask: one binary mask as COCO's run lengths (RunLengths.swift): down the columns, left to right, alternately of
// 0s and 1s, beginning with 0s.

import LTCore

/// A binary mask of an image.
public struct RunLengthMask: Sendable, Equatable {
    public let width: Int
    public let height: Int
    /// COCO's uncompressed counts; their sum is width · height.
    public let runs: [UInt32]

    /// The largest mask, in pixels.
    public static let maximumPixels = RunLengths.maximumPixels

    /// Takes uncompressed counts.
    /// - Throws: `malformed` when their sum is not the mask's size; `invalidArgument` for a size out of range.
    public init(width: Int, height: Int, runs: [UInt32]) throws(LTError) {
        try runs.withUnsafeBufferPointer { (runs) throws(LTError) in
            try RunLengths.checkSum(runs, width: width, height: height)
        }
        self.init(unchecked: runs, width, height)
    }

    /// Reads compressed counts.
    /// - Throws: `malformed` for other characters, a run that is cut off or a wrong sum.
    public init(width: Int, height: Int, compressed: String) throws(LTError) {
        let counts = Array(compressed.utf8)
        var runs = [UInt32](repeating: 0, count: counts.count)
        let count = try runs.withUnsafeMutableBufferPointer { (room) throws(LTError) in
            try counts.withUnsafeBufferPointer { (counts) throws(LTError) in
                try RunLengths.decode(counts, into: room)
            }
        }
        runs.removeLast(runs.count - count)
        try self.init(width: width, height: height, runs: runs)
    }

    /// Encodes row-major pixels, one byte each; what is not 0 belongs to the mask.
    /// - Throws: `shapeMismatch` for another number of pixels, `invalidArgument` for a size out of range.
    public init(width: Int, height: Int, pixels: UnsafeBufferPointer<UInt8>) throws(LTError) {
        guard try RunLengths.pixels(width: width, height: height) == pixels.count else {
            throw LTError(.shapeMismatch, "\(pixels.count) pixels, expected \(width)×\(height)")
        }
        var builder = Builder(width: width, height: height)
        for x in 0..<width {
            for y in 0..<height { builder.append(pixels[y * width + x] != 0) }
        }
        self = builder.mask
    }

    fileprivate init(unchecked runs: [UInt32], _ width: Int, _ height: Int) {
        (self.width, self.height, self.runs) = (width, height, runs)
    }

    /// COCO's compressed counts.
    public var compressed: String {
        String(decoding: runs.withUnsafeBufferPointer(RunLengths.encode), as: UTF8.self)
    }

    /// Pixels in the mask.
    public var area: Int { stride(from: 1, to: runs.count, by: 2).reduce(0) { $0 + Int(runs[$1]) } }

    /// Calls `body` with every vertical run of pixels in the mask: column and rows.
    public func forEachSpan(_ body: (_ x: Int, _ rows: Range<Int>) -> Void) {
        var at = 0
        for (index, run) in runs.enumerated() {
            let end = at + Int(run)
            if index % 2 == 1 {
                while at < end {
                    let (x, y) = (at / height, at % height)
                    let stop = min(height, y + end - at)
                    body(x, y..<stop)
                    at += stop - y
                }
            }
            at = end
        }
    }

    /// Row-major pixels, 0 or 1, one byte each.
    /// - Throws: `outOfMemory`.
    public func pixels() throws(LTError) -> Buffer {
        let buffer = try Buffer.zeroed(byteCount: width * height)
        let bytes = buffer.pointer.assumingMemoryBound(to: UInt8.self)
        forEachSpan { x, rows in for y in rows { bytes[y * width + x] = 1 } }
        return buffer
    }

    /// Pixels that are in both masks; 0 for masks of different sizes.
    public func intersection(_ other: RunLengthMask) -> Int {
        guard width == other.width, height == other.height else { return 0 }
        return runs.withUnsafeBufferPointer { one in
            other.runs.withUnsafeBufferPointer { RunLengths.intersection(one, $0) }
        }
    }

    /// Intersection over union; 1 for two empty masks of one size.
    public func iou(_ other: RunLengthMask) -> Double {
        guard width == other.width, height == other.height else { return 0 }
        let common = intersection(other)
        let union = area + other.area - common
        return union == 0 ? 1 : Double(common) / Double(union)
    }
}

extension RunLengthMask {
    /// Collects pixels column by column; what is not appended is 0.
    struct Builder {
        let width: Int
        let height: Int
        private var runs: [UInt32] = []
        private var value = false
        private var length = 0
        private var count = 0

        init(width: Int, height: Int) { (self.width, self.height) = (width, height) }

        mutating func append(_ pixel: Bool, count more: Int = 1) {
            if pixel != value {
                runs.append(UInt32(length))
                (value, length) = (pixel, 0)
            }
            length += more
            count += more
        }

        /// Appends 0s up to the pixel at (x, y).
        mutating func skip(toX x: Int, y: Int) {
            let missing = x * height + y - count
            if missing > 0 { append(false, count: missing) }
        }

        var mask: RunLengthMask {
            var whole = self
            whole.skip(toX: width, y: 0)
            if whole.length > 0 { whole.runs.append(UInt32(whole.length)) }
            return RunLengthMask(unchecked: whole.runs, width, height)
        }
    }
}
