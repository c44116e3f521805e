// PolygonRaster: polygons → run lengths, pixel for pixel as COCO's mask API draws them: points are rounded to a grid of
// fifths of a pixel (x: trunc(5x + 0.5)), edges walk over the grid one step of their longer axis at a time, and where the
// walk passes from column 5c + 2 of the grid to 5c + 3 or back it crosses the centre of pixel column c at row
// ceil((v − 2) / 5), v the lower of its two heights there. Pixels between the 1st and 2nd, 3rd and 4th … crossing of a
// column are inside; several polygons are united. Steps between such columns need not be walked.
// https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c (rleFrPoly)

import LTCore
import LTDecision

/// Draws polygons; reuses its memory.
struct PolygonRaster: Sendable {
    /// The most crossings of one mask's outlines with the columns of its image.
    static let maximumCrossings = 1 << 24
    /// The greatest coordinate: its fifths fit 32 bits.
    static let maximumCoordinate = Double(1 << 28)

    private struct Crossing {
        var column: UInt32
        var row: UInt32
    }

    private let width: Int
    private let height: Int
    private var crossings: [Crossing] = []
    /// Rows of the crossings, column by column, ascending; and where each column from the first one ends in it.
    private var rows: [UInt32] = []
    private var columnEnds: [Int] = []
    private var firstColumn = 0
    /// Pixels inside the polygons drawn so far, as positions down the columns.
    private var spans: [Range<Int>] = []
    private var parts = 0

    /// An empty mask.
    init(width: Int = 1, height: Int = 1) { (self.width, self.height) = (width, height) }

    /// The same memory for another mask.
    consuming func emptied(width: Int, height: Int) -> PolygonRaster {
        var next = PolygonRaster(width: width, height: height)
        swap(&next.crossings, &crossings)
        swap(&next.rows, &rows)
        swap(&next.columnEnds, &columnEnds)
        swap(&next.spans, &spans)
        next.spans.removeAll(keepingCapacity: true)
        return next
    }

    /// Adds a polygon: x1, y1, x2, y2, ….
    mutating func add(_ coordinates: UnsafeBufferPointer<Double>) throws(LTError) {
        guard coordinates.count >= 6, coordinates.count % 2 == 0 else {
            throw LTError(
                .malformed, "polygon of \(coordinates.count) coordinates, expected two for each of 3 or more points")
        }
        for value in coordinates {
            guard value.magnitude <= Self.maximumCoordinate else {
                throw LTError(
                    .malformed, "polygon has the coordinate \(value), expected at most \(Int(Self.maximumCoordinate))")
            }
        }
        crossings.removeAll(keepingCapacity: true)
        var point = Self.onGrid(coordinates, coordinates.count - 2)
        for at in stride(from: 0, to: coordinates.count, by: 2) {
            let next = Self.onGrid(coordinates, at)
            try cross(point, next)
            point = next
        }
        parts += 1
        guard !crossings.isEmpty else { return }
        sortByColumn()
        collectSpans()
    }

    private static func onGrid(_ coordinates: UnsafeBufferPointer<Double>, _ at: Int) -> (x: Int, y: Int) {
        (Int(5 * coordinates[at] + 0.5), Int(5 * coordinates[at + 1] + 0.5))
    }

    /// Collects where an edge crosses the centres of pixel columns.
    private mutating func cross(_ from: (x: Int, y: Int), _ to: (x: Int, y: Int)) throws(LTError) {
        let (low, high) = (min(from.x, to.x), max(from.x, to.x))
        // Columns c with low ≤ 5c + 2 and 5c + 3 ≤ high.
        let first = max(0, (low + 2) / 5)
        let last = min(width - 1, (high - 3) / 5)
        guard high >= 3, first <= last else { return }
        guard last - first < Self.maximumCrossings - crossings.count - spans.count else {
            throw LTError(.outOfMemory, "polygons cross more than \(Self.maximumCrossings) columns of pixels")
        }
        let (dx, dy) = (high - low, abs(to.y - from.y))
        // Walked from left to right, a steep edge downwards.
        let isFlat = dx >= dy
        let isFlipped = isFlat ? from.x > to.x : from.y > to.y
        let (start, end) = isFlipped ? (to, from) : (from, to)
        let slope = isFlat ? Double(end.y - start.y) / Double(dx) : Double(end.x - start.x) / Double(dy)
        for column in first...last {
            let before = 5 * column + 2
            let v: Int
            if isFlat {
                let step = before - start.x
                v = min(Self.minor(start.y, slope, step), Self.minor(start.y, slope, step + 1))
            } else {
                // The first step that stands on the far side of the centre; the one before it is the lower.
                let rises = slope > 0
                var step = Int(max(1, min(Double(dy), (Double(before - start.x) + 0.5) / slope)))
                while step > 1, (Self.minor(start.x, slope, step - 1) > before) == rises { step -= 1 }
                while step < dy, (Self.minor(start.x, slope, step) > before) != rises { step += 1 }
                v = start.y + step - 1
            }
            let row = v <= 2 ? 0 : min(height, (v + 2) / 5)
            crossings.append(
                Crossing(column: UInt32(truncatingIfNeeded: column), row: UInt32(truncatingIfNeeded: row)))
        }
    }

    /// The coordinate along the shorter axis after a number of steps along the longer one.
    @inline(__always)
    private static func minor(_ start: Int, _ slope: Double, _ step: Int) -> Int {
        Int(Double(start) + slope * Double(step) + 0.5)
    }

    private mutating func sortByColumn() {
        var (first, last) = (UInt32.max, UInt32.min)
        for crossing in crossings {
            first = min(first, crossing.column)
            last = max(last, crossing.column)
        }
        firstColumn = Int(first)
        // A closed line crosses every column between its ends: no more of them than crossings.
        columnEnds.removeAll(keepingCapacity: true)
        columnEnds.append(contentsOf: repeatElement(0, count: Int(last - first) + 1))
        for crossing in crossings { columnEnds[Int(crossing.column - first)] += 1 }
        var sum = 0
        for column in columnEnds.indices {
            let count = columnEnds[column]
            columnEnds[column] = sum
            sum += count
        }
        rows.removeAll(keepingCapacity: true)
        rows.append(contentsOf: repeatElement(0, count: crossings.count))
        for crossing in crossings {
            let column = Int(crossing.column - first)
            rows[columnEnds[column]] = crossing.row
            columnEnds[column] += 1
        }
        rows.withUnsafeMutableBufferPointer { rows in
            var start = 0
            for end in columnEnds {
                if end - start == 2 {
                    if rows[start] > rows[start + 1] { rows.swapAt(start, start + 1) }
                } else {
                    var column = UnsafeMutableBufferPointer(rebasing: rows[start..<end])
                    column.sort()
                }
                start = end
            }
        }
    }

    /// Pairs the crossings of each column; their number is even because the line comes back.
    private mutating func collectSpans() {
        var at = 0
        for (offset, end) in columnEnds.enumerated() {
            let base = (firstColumn + offset) * height
            while at + 1 < end {
                if rows[at] < rows[at + 1] { spans.append(base + Int(rows[at])..<base + Int(rows[at + 1])) }
                at += 2
            }
            at = end
        }
    }

    /// Writes the union of the polygons as run lengths, `maximumRuns` at most; returns how many.
    mutating func draw(_ runs: UnsafeMutableBufferPointer<UInt32>) -> Int {
        if parts > 1 { spans.sort { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) } }
        var found = 0
        // Where the pixels written so far end.
        var last = 0
        for span in spans {
            let start = max(span.lowerBound, last)
            guard span.upperBound > start else { continue }
            if start == last, found > 0 {
                runs[found - 1] += UInt32(truncatingIfNeeded: span.upperBound - last)
            } else {
                runs[found] = UInt32(truncatingIfNeeded: start - last)
                runs[found + 1] = UInt32(truncatingIfNeeded: span.upperBound - start)
                found += 2
            }
            last = span.upperBound
        }
        if last < width * height {
            runs[found] = UInt32(truncatingIfNeeded: width * height - last)
            found += 1
        }
        return found
    }

    /// The most runs that `draw` writes.
    var maximumRuns: Int { 2 * spans.count + 1 }
}
