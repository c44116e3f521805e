// RunLengthMask: a binary mask as COCO's run lengths: down the columns, left to right, alternately of 0s and 1s, beginning
// with 0s. The compressed form writes each run (from the fourth on: its difference to the run two before) in groups of
// 5 bits, low ones first, bit 5 meaning that more follow, bit 4 of the last group the sign, each plus 48 as a character.
// https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.h

import LTCore

/// A binary mask of an image.
public struct RunLengthMask: Sendable, Equatable {
    public let width: Int
    public let height: Int
    /// COCO's uncompressed counts; their sum is width · height.
    public let runs: [UInt32]

    /// The largest mask, in pixels.
    public static let maximumPixels = Int(UInt32.max)

    /// Takes uncompressed counts.
    /// - Throws: `malformed` when their sum is not the mask's size; `invalidArgument` for a size out of range.
    public init(width: Int, height: Int, runs: [UInt32]) throws(LTError) {
        let pixels = try Self.pixels(width, height)
        // At most 2^32 per run and far fewer than 2^31 runs fit into memory.
        let sum = runs.reduce(0) { $0 &+ Int($1) }
        guard sum == pixels else {
            throw LTError(.malformed, "mask of \(sum) pixels, expected \(width)×\(height) = \(pixels)")
        }
        self.init(unchecked: runs, width, height)
    }

    /// Reads compressed counts.
    /// - Throws: `malformed` for other characters, a run that is cut off or a wrong sum.
    public init(width: Int, height: Int, compressed: String) throws(LTError) {
        var runs: [UInt32] = []
        var (value, shift) = (0, 0)
        for (offset, byte) in compressed.utf8.enumerated() {
            guard (48..<112).contains(byte), shift < 35 else {
                throw LTError(.malformed, "mask has a bad character or run at byte \(offset) of its counts")
            }
            let group = Int(byte) - 48
            value |= (group & 31) << shift
            shift += 5
            if group & 32 != 0 { continue }
            if group & 16 != 0 { value |= -1 << shift }
            if runs.count > 2 { value += Int(runs[runs.count - 2]) }
            guard let run = UInt32(exactly: value) else {
                throw LTError(.malformed, "mask has a run of \(value) pixels at byte \(offset) of its counts")
            }
            runs.append(run)
            (value, shift) = (0, 0)
        }
        guard shift == 0 else { throw LTError(.malformed, "mask ends inside a run") }
        try self.init(width: width, height: height, runs: runs)
    }

    /// Encodes row-major pixels, one byte each; what is not 0 belongs to the mask.
    /// - Throws: `shapeMismatch` for another number of pixels, `invalidArgument` for a size out of range.
    public init(width: Int, height: Int, pixels: UnsafeBufferPointer<UInt8>) throws(LTError) {
        guard try Self.pixels(width, height) == pixels.count else {
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
        var text: [UInt8] = []
        for (index, run) in runs.enumerated() {
            var value = Int(run)
            if index > 2 { value -= Int(runs[index - 2]) }
            while true {
                let group = UInt8(value & 31)
                value >>= 5
                let isLast = group & 16 == 0 ? value == 0 : value == -1
                text.append(48 + (isLast ? group : group | 32))
                if isLast { break }
            }
        }
        return String(decoding: text, as: UTF8.self)
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
        var common = 0
        var (a, b) = (0, 0)
        var leftA = runs.isEmpty ? 0 : Int(runs[0])
        var leftB = other.runs.isEmpty ? 0 : Int(other.runs[0])
        while true {
            while leftA == 0 {
                a += 1
                guard a < runs.count else { return common }
                leftA = Int(runs[a])
            }
            while leftB == 0 {
                b += 1
                guard b < other.runs.count else { return common }
                leftB = Int(other.runs[b])
            }
            let step = min(leftA, leftB)
            if a % 2 == 1, b % 2 == 1 { common += step }
            leftA -= step
            leftB -= step
        }
    }

    /// Intersection over union; 1 for two empty masks of one size.
    public func iou(_ other: RunLengthMask) -> Double {
        guard width == other.width, height == other.height else { return 0 }
        let common = intersection(other)
        let union = area + other.area - common
        return union == 0 ? 1 : Double(common) / Double(union)
    }

    private static func pixels(_ width: Int, _ height: Int) throws(LTError) -> Int {
        let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
        guard width > 0, height > 0, !overflow, pixels <= maximumPixels else {
            throw LTError(.invalidArgument, "mask of \(width)×\(height) pixels, expected 1 … \(maximumPixels) pixels")
        }
        return pixels
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
