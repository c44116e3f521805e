// Boundary masks: a mask without its erosion by a square of 2d + 1 pixels a side, the outside of the image counting as
// background, d = max(1, 0.02 · diagonal rounded half to even). Boundary IoU is the smaller one of the IoU of the masks and
// that of their boundaries. Cheng et al., "Boundary IoU", CVPR 2021.

import LTCore
import LTDecision

extension MaskPool {
    /// How many pixels deep a boundary is in an image of this size.
    /// - Parameter ratio: share of the image's diagonal.
    public static func boundaryDepth(width: Int, height: Int, ratio: Double = 0.02) -> Int {
        let (width, height) = (Double(width), Double(height))
        let depth = (ratio * (width * width + height * height).squareRoot()).rounded(.toNearestOrEven)
        return Int(max(1, min(depth, 0x1p32)))
    }

    /// Adds the boundary of a mask of another pool.
    /// - Throws: `outOfMemory` when the pool is full.
    public mutating func append(
        boundaryOf index: Int, in masks: MaskPool, ratio: Double = 0.02
    ) throws(LTError) {
        let (width, height) = (masks.width(index), masks.height(index))
        let depth = Self.boundaryDepth(width: width, height: height, ratio: ratio)
        try masks.withRuns(index) { (runs) throws(LTError) in
            erosion.erode(runs, masks.bounds(index), height: height, pixels: width * height, depth: depth)
            let eroded = erosion.runs
            try append(room: runs.count + eroded.count + 1, width: width, height: height) { room in
                eroded.withUnsafeBufferPointer { RunLengths.difference(runs, $0, into: room) }
            }
        }
    }

    /// The boundaries of all masks, at the same positions.
    public func boundaries(ratio: Double = 0.02) throws(LTError) -> MaskPool {
        var result = MaskPool()
        for index in 0..<count { try result.append(boundaryOf: index, in: self, ratio: ratio) }
        return result
    }
}

/// Erodes masks; reuses its memory.
struct Erosion: Sendable {
    /// The eroded mask.
    private(set) var runs: [UInt32] = []
    /// Per row of the bounds: how many columns up to the current one are set, each in a span long enough.
    private var streaks: [UInt32] = []

    /// Erodes by a square of 2 · depth + 1: spans lose `depth` pixels at either end, then a pixel stays where `depth`
    /// columns on either side have it too.
    mutating func erode(
        _ mask: UnsafeBufferPointer<UInt32>, _ bounds: PixelBounds, height: Int, pixels: Int, depth: Int
    ) {
        runs.removeAll(keepingCapacity: true)
        defer { if runs.isEmpty { runs.append(UInt32(truncatingIfNeeded: pixels)) } }
        let (columns, rows) = (Int(bounds.x2 - bounds.x1), Int(bounds.y2 - bounds.y1))
        let side = 2 * depth + 1
        guard columns >= side, rows >= side else { return }
        let (left, top) = (Int(bounds.x1), Int(bounds.y1))
        streaks.removeAll(keepingCapacity: true)
        streaks.append(contentsOf: repeatElement(0, count: rows))
        // Where the eroded pixels written so far end.
        var last = 0
        // Out of the property, so that the pixels can be written meanwhile.
        var counts: [UInt32] = []
        swap(&counts, &streaks)
        defer { swap(&counts, &streaks) }
        counts.withUnsafeMutableBufferPointer { streaks in
            // The column being counted, and the first of its rows (of the bounds) that no span has reached.
            var (column, row) = (left, 0)
            var at = 0
            var index = 1
            while index < mask.count {
                at += Int(mask[index - 1])
                var end = at + Int(mask[index])
                index += 2
                while index < mask.count, mask[index - 1] == 0 {
                    end += Int(mask[index])
                    index += 2
                }
                while at < end {
                    let x = at / height
                    let stop = min(end, (x + 1) * height)
                    while column < x {
                        Self.set(streaks, row..<rows)
                        finish(streaks, column - depth, side, left, height, top, &last)
                        (column, row) = (column + 1, 0)
                    }
                    // Rows of the image first, then of the bounds.
                    let first = at - x * height + depth - top
                    let behind = stop - x * height - depth - top
                    at = stop
                    guard first < behind else { continue }
                    Self.set(streaks, row..<first)
                    Self.raise(streaks, first..<behind)
                    row = behind
                }
            }
            while column < left + columns {
                Self.set(streaks, row..<rows)
                finish(streaks, column - depth, side, left, height, top, &last)
                (column, row) = (column + 1, 0)
            }
        }
        guard last > 0, last < pixels else { return }
        runs.append(UInt32(truncatingIfNeeded: pixels - last))
    }

    private static func set(_ streaks: UnsafeMutableBufferPointer<UInt32>, _ rows: Range<Int>) {
        for row in rows { streaks[row] = 0 }
    }

    private static func raise(_ streaks: UnsafeMutableBufferPointer<UInt32>, _ rows: Range<Int>) {
        for row in rows { streaks[row] &+= 1 }
    }

    /// Writes the pixels of a column around which enough columns are set.
    private mutating func finish(
        _ streaks: UnsafeMutableBufferPointer<UInt32>, _ column: Int, _ side: Int, _ left: Int, _ height: Int,
        _ top: Int, _ last: inout Int
    ) {
        // Streaks are no longer than the columns so far.
        guard column - left >= side / 2 else { return }
        let base = column * height + top
        var row = 0
        while row < streaks.count {
            guard streaks[row] >= side else {
                row += 1
                continue
            }
            let start = row
            while row < streaks.count, streaks[row] >= side { row += 1 }
            if base + start == last, !runs.isEmpty {
                runs[runs.count - 1] += UInt32(truncatingIfNeeded: row - start)
            } else {
                runs.append(UInt32(truncatingIfNeeded: base + start - last))
                runs.append(UInt32(truncatingIfNeeded: row - start))
            }
            last = base + row
        }
    }
}
