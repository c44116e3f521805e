// RunLengths: what can be done with COCO's run lengths where they lie, without an array per mask: reading and writing the
// compressed form, area and bounds, the pixels that two masks share or that only one has. Runs go down the columns, left
// to right, alternately of 0s and 1s, beginning with 0s. The compressed form writes each run (from the fourth on: its
// difference to the run two before) in groups of 5 bits, low ones first, bit 5 meaning that more follow, bit 4 of the
// last group the sign, each plus 48 as a character. https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.h

import LTCore

/// A rectangle of whole pixels: columns x1 ..< x2, rows y1 ..< y2; all 0 for an empty mask.
public struct PixelBounds: Sendable, Equatable {
    public var x1, y1, x2, y2: UInt32

    public init(x1: UInt32, y1: UInt32, x2: UInt32, y2: UInt32) {
        (self.x1, self.y1, self.x2, self.y2) = (x1, y1, x2, y2)
    }

    public static let empty = PixelBounds(x1: 0, y1: 0, x2: 0, y2: 0)
    public var isEmpty: Bool { x1 >= x2 || y1 >= y2 }

    /// Whether both hold a common pixel.
    @inlinable public func overlaps(_ other: PixelBounds) -> Bool {
        max(x1, other.x1) < min(x2, other.x2) && max(y1, other.y1) < min(y2, other.y2)
    }
}

/// Functions on run lengths in the caller's memory.
public enum RunLengths {
    /// The largest mask, in pixels.
    public static let maximumPixels = Int(UInt32.max)

    /// Width · height.
    /// - Throws: `invalidArgument` for a size out of range.
    public static func pixels(width: Int, height: Int) throws(LTError) -> Int {
        let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
        guard width > 0, height > 0, !overflow, pixels <= maximumPixels else {
            throw LTError(.invalidArgument, "mask of \(width)×\(height) pixels, expected 1 … \(maximumPixels) pixels")
        }
        return pixels
    }

    /// Reads compressed counts.
    /// - Parameters:
    ///   - isEscaped: whether the bytes are the inside of a JSON string, where `\` is written as `\\` or `\u005c`.
    ///   - runs: room for as many runs as there are bytes.
    /// - Returns: the number of runs; their sum is not checked.
    /// - Throws: `malformed` for other characters or a run that is cut off, negative or beyond 2³².
    public static func decode(
        _ counts: UnsafeBufferPointer<UInt8>, isEscaped: Bool = false, into runs: UnsafeMutableBufferPointer<UInt32>
    ) throws(LTError) -> Int {
        precondition(runs.count >= counts.count)
        var found = 0
        try decode(counts, isEscaped) { run in
            runs[found] = run
            found &+= 1
        }
        return found
    }

    /// Pixels in the mask of compressed counts, without keeping its runs.
    /// - Throws: `malformed` for counts that are none or do not sum up to width · height; `invalidArgument` for a size out
    ///   of range.
    public static func area(
        compressed counts: UnsafeBufferPointer<UInt8>, isEscaped: Bool = false, width: Int, height: Int
    ) throws(LTError) -> Int {
        let pixels = try pixels(width: width, height: height)
        // At most 2^32 per run and far fewer than 2^31 runs fit into memory.
        var (sum, area) = (0, 0)
        var isInside = 0
        try decode(counts, isEscaped) { run in
            sum &+= Int(run)
            area &+= Int(run) & isInside
            isInside = ~isInside
        }
        guard sum == pixels else { throw wrongSum(sum, width, height) }
        return area
    }

    private static func wrongSum(_ sum: Int, _ width: Int, _ height: Int) -> LTError {
        LTError(.malformed, "mask of \(sum) pixels, expected \(width)×\(height) = \(width * height)")
    }

    /// Calls `take` with each run.
    @inline(__always)
    private static func decode(
        _ counts: UnsafeBufferPointer<UInt8>, _ isEscaped: Bool, _ take: (UInt32) -> Void
    ) throws(LTError) {
        // The runs one and two before; 0 until they are differences' bases.
        var (before, last) = (0, 0)
        var index = 0
        var at = 0
        while at < counts.count {
            var value = Int(counts[at]) &- 48
            if value >= 0, value < 32 {
                // One group, by far the most frequent: bit 4 is the sign.
                at &+= 1
                value = value &- (value & 16) &* 2
            } else {
                value = try longRun(counts, isEscaped, &at)
            }
            if index > 2 { value &+= before }
            guard value >= 0, value <= maximumPixels else {
                throw LTError(.malformed, "mask has a run of \(value) pixels at byte \(at - 1) of its counts")
            }
            (before, last) = (last, value)
            index &+= 1
            take(UInt32(truncatingIfNeeded: value))
        }
    }

    /// Reads a run of any number of groups.
    private static func longRun(
        _ counts: UnsafeBufferPointer<UInt8>, _ isEscaped: Bool, _ at: inout Int
    ) throws(LTError) -> Int {
        var (value, shift) = (0, 0)
        while at < counts.count {
            var byte = counts[at]
            if isEscaped, byte == UInt8(ascii: "\\") {
                let length = escapeLength(counts, at)
                guard length > 0 else { throw badCharacter(at) }
                at += length - 1
                byte = UInt8(ascii: "\\")
            }
            let group = Int(byte) &- 48
            guard group >= 0, group < 64, shift < 35 else { throw badCharacter(at) }
            at &+= 1
            value |= (group & 31) << shift
            shift &+= 5
            if group & 32 != 0 { continue }
            return group & 16 != 0 ? value | -1 << shift : value
        }
        throw LTError(.malformed, "mask ends inside a run")
    }

    private static func badCharacter(_ offset: Int) -> LTError {
        LTError(.malformed, "mask has a bad character or run at byte \(offset) of its counts")
    }

    /// Bytes of the escape that stands for a backslash; 0 for any other, whose character no counts have.
    private static func escapeLength(_ text: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int {
        if at + 1 < text.count, text[at + 1] == UInt8(ascii: "\\") { return 2 }
        let unicode: [UInt8] = Array("u005c".utf8)
        guard at + 5 < text.count, (0..<5).allSatisfy({ text[at + 1 + $0] | 0x20 == unicode[$0] | 0x20 }) else {
            return 0
        }
        return 6
    }

    /// Writes compressed counts.
    public static func encode(_ runs: UnsafeBufferPointer<UInt32>) -> [UInt8] {
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
        return text
    }

    /// Compares the sum of the runs with the mask's size.
    /// - Throws: `malformed` when they differ; `invalidArgument` for a size out of range.
    public static func checkSum(
        _ runs: UnsafeBufferPointer<UInt32>, width: Int, height: Int
    ) throws(LTError) {
        let pixels = try pixels(width: width, height: height)
        // At most 2^32 per run and far fewer than 2^31 runs fit into memory.
        var sum = 0
        for run in runs { sum &+= Int(run) }
        guard sum == pixels else { throw wrongSum(sum, width, height) }
    }

    /// Pixels in the mask and the smallest rectangle around them.
    /// - Throws: as `checkSum`.
    public static func extent(
        _ runs: UnsafeBufferPointer<UInt32>, width: Int, height: Int
    ) throws(LTError) -> (area: Int, bounds: PixelBounds) {
        let pixels = try pixels(width: width, height: height)
        var area = 0
        var (left, right, top, bottom) = (Int.max, 0, height, 0)
        // `row` of `column` is where the run begins; most runs end in their column or the next: no division.
        var (column, row) = (0, 0)
        func advance(_ count: Int) {
            row &+= count
            guard row >= height else { return }
            row &-= height
            column &+= 1
            guard row >= height else { return }
            column &+= row / height
            row %= height
        }
        var index = 0
        while index < runs.count {
            // Far fewer than 2^31 runs of at most 2^32 fit into memory.
            advance(Int(runs[index]))
            guard index + 1 < runs.count else { break }
            let length = Int(runs[index + 1])
            index &+= 2
            guard length > 0 else { continue }
            area &+= length
            left = min(left, column)
            if row &+ length <= height {
                top = min(top, row)
                bottom = max(bottom, row &+ length)
            } else {
                (top, bottom) = (0, height)
            }
            advance(length &- 1)
            right = max(right, column)
            advance(1)
        }
        let sum = column &* height &+ row
        guard sum == pixels else { throw wrongSum(sum, width, height) }
        guard area > 0 else { return (0, .empty) }
        // Inside the mask's size, which fits.
        return (
            area,
            PixelBounds(
                x1: UInt32(truncatingIfNeeded: left), y1: UInt32(truncatingIfNeeded: top),
                x2: UInt32(truncatingIfNeeded: right + 1), y2: UInt32(truncatingIfNeeded: bottom))
        )
    }

    /// Pixels that are in both of two masks of one size.
    public static func intersection(_ one: UnsafeBufferPointer<UInt32>, _ two: UnsafeBufferPointer<UInt32>) -> Int {
        guard one.count > 1, two.count > 1 else { return 0 }
        var common = 0
        // The current span of 1s of each: where it begins and ends.
        var (i, j) = (1, 1)
        var oneStart = Int(one[0])
        var twoStart = Int(two[0])
        var oneEnd = oneStart &+ Int(one[1])
        var twoEnd = twoStart &+ Int(two[1])
        while true {
            common &+= max(0, min(oneEnd, twoEnd) &- max(oneStart, twoStart))
            // What ends first meets nothing more.
            if oneEnd <= twoEnd {
                guard i &+ 2 < one.count else { return common }
                oneStart = oneEnd &+ Int(one[i &+ 1])
                oneEnd = oneStart &+ Int(one[i &+ 2])
                i &+= 2
            } else {
                guard j &+ 2 < two.count else { return common }
                twoStart = twoEnd &+ Int(two[j &+ 1])
                twoEnd = twoStart &+ Int(two[j &+ 2])
                j &+= 2
            }
        }
    }

    /// Pixels of one mask that are not in another of its size; no run is of length 0 but perhaps the first.
    /// - Parameter runs: room for the runs of both and one more.
    /// - Returns: the number of runs.
    public static func difference(
        _ one: UnsafeBufferPointer<UInt32>, _ two: UnsafeBufferPointer<UInt32>,
        into runs: UnsafeMutableBufferPointer<UInt32>
    ) -> Int {
        precondition(runs.count > one.count + two.count)
        var found = 0
        var (i, j) = (0, 0)
        var leftOne = one.isEmpty ? 0 : Int(one[0])
        var leftTwo = two.isEmpty ? 0 : Int(two[0])
        var isInside = false
        var length = 0
        while true {
            while leftOne == 0, i < one.count {
                i &+= 1
                if i < one.count { leftOne = Int(one[i]) }
            }
            while leftTwo == 0, j < two.count {
                j &+= 1
                if j < two.count { leftTwo = Int(two[j]) }
            }
            guard i < one.count, j < two.count else { break }
            let value = i & 1 == 1 && j & 1 == 0
            if value != isInside {
                runs[found] = UInt32(truncatingIfNeeded: length)
                found &+= 1
                (isInside, length) = (value, 0)
            }
            let step = min(leftOne, leftTwo)
            length &+= step
            leftOne &-= step
            leftTwo &-= step
        }
        if length > 0 {
            runs[found] = UInt32(truncatingIfNeeded: length)
            found &+= 1
        }
        return found
    }
}
