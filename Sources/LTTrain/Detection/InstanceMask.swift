// InstanceMask: the mask of one object through what training does with its picture: scaled, mirrored, cut, partly covered. Polygons
// stay polygons while they can (scaling, mirroring); else pixels, as COCO draws polygons (LTEval, PolygonRaster).

import LTCore
import LTDecision
import LTEval

/// The mask of one object in its picture.
public enum InstanceMask: Sendable, Equatable {
    /// x1, y1, x2, y2, … of each, in pixels; their union counts.
    case polygons([[Double]])
    case pixels(RunLengthMask)

    /// The mask in pixels of its picture.
    /// - Throws: what drawing polygons throws; `shapeMismatch` for pixels of a picture of another size.
    public func drawn(width: Int, height: Int) throws(LTError) -> RunLengthMask {
        switch self {
        case .polygons(let parts):
            var pool = MaskPool()
            try pool.append(polygons: parts, width: width, height: height)
            return try RunLengthMask(width: width, height: height, runs: pool.runs(0))
        case .pixels(let mask):
            guard mask.width == width, mask.height == height else {
                throw LTError(
                    .shapeMismatch, "mask of \(mask.width)×\(mask.height) pixels, its picture has \(width)×\(height)")
            }
            return mask
        }
    }

    /// The mask of the picture resized; pixels as the nearest ones to the left and above were (torchvision's).
    /// - Parameters:
    ///   - size: width and height of the picture before.
    ///   - width, height: after.
    public func resized(from size: (width: Int, height: Int), width: Int, height: Int) throws(LTError) -> InstanceMask {
        if size == (width, height) { return self }
        switch self {
        case .polygons(let parts):
            let (dx, dy) = (Double(width) / Double(size.width), Double(height) / Double(size.height))
            return .polygons(parts.map { part in part.indices.map { part[$0] * ($0 % 2 == 0 ? dx : dy) } })
        case .pixels(let mask):
            let columns = Columns(mask)
            let (dx, dy) = (Float(mask.width) / Float(width), Float(mask.height) / Float(height))
            return .pixels(
                try Columns(width: width, height: height) { x, y in
                    columns[min(Int(Float(x) * dx), mask.width - 1), min(Int(Float(y) * dy), mask.height - 1)]
                }.mask)
        }
    }

    /// The mask of the picture mirrored left to right.
    public func mirrored(width: Int) throws(LTError) -> InstanceMask {
        switch self {
        case .polygons(let parts):
            return .polygons(
                parts.map { part in part.indices.map { $0 % 2 == 0 ? Double(width) - part[$0] : part[$0] } })
        case .pixels(let mask):
            var columns: [(x: Int, rows: Range<Int>)] = []
            mask.forEachSpan { columns.append((mask.width - 1 - $0, $1)) }
            columns.sort { ($0.x, $0.rows.lowerBound) < ($1.x, $1.rows.lowerBound) }
            var spans = Spans(width: mask.width, height: mask.height)
            for span in columns { spans.append(span.x, span.rows) }
            return .pixels(try spans.mask)
        }
    }

    /// The mask of a rectangle of the picture, which may reach beyond it. Polygons stay where nothing is cut.
    public func cropped(_ window: PixelWindow, width: Int, height: Int) throws(LTError) -> InstanceMask {
        if case .polygons(let parts) = self, window.holds(width: width, height: height) {
            let corner = [Double(window.x), Double(window.y)]
            return .polygons(parts.map { part in part.indices.map { part[$0] - corner[$0 % 2] } })
        }
        var spans = Spans(width: window.width, height: window.height)
        try drawn(width: width, height: height).forEachSpan { x, rows in
            let rows = (rows.lowerBound - window.y..<rows.upperBound - window.y).clamped(to: 0..<window.height)
            if (0..<window.width).contains(x - window.x), !rows.isEmpty { spans.append(x - window.x, rows) }
        }
        return .pixels(try spans.mask)
    }

    /// A rectangle of whole pixels at any place.
    public struct PixelWindow: Sendable, Equatable {
        public var x, y, width, height: Int
        public init(x: Int, y: Int, width: Int, height: Int) {
            (self.x, self.y, self.width, self.height) = (x, y, width, height)
        }
        /// Whether nothing of a picture lies outside.
        func holds(width: Int, height: Int) -> Bool {
            x <= 0 && y <= 0 && x + self.width >= width && y + self.height >= height
        }
    }
}

/// A mask pixel by pixel, down the columns.
struct Columns {
    let width, height: Int
    var pixels: [Bool]

    init(_ mask: RunLengthMask) {
        (width, height) = (mask.width, mask.height)
        pixels = []
        pixels.reserveCapacity(width * height)
        for (index, run) in mask.runs.enumerated() {
            pixels.append(contentsOf: repeatElement(index % 2 == 1, count: Int(run)))
        }
    }
    init(width: Int, height: Int) {
        (self.width, self.height) = (width, height)
        pixels = [Bool](repeating: false, count: width * height)
    }
    init(width: Int, height: Int, _ pixel: (_ x: Int, _ y: Int) -> Bool) {
        self.init(width: width, height: height)
        for x in 0..<width { for y in 0..<height { pixels[x * height + y] = pixel(x, y) } }
    }

    subscript(x: Int, y: Int) -> Bool { pixels[x * height + y] }

    /// Adds a mask of the same size.
    mutating func unite(_ mask: RunLengthMask) {
        mask.forEachSpan { x, rows in for y in rows { pixels[x * height + y] = true } }
    }

    var mask: RunLengthMask {
        get throws(LTError) {
            var spans = Spans(width: width, height: height)
            for x in 0..<width { spans.append(x, 0..<height) { pixels[x * height + $0] } }
            return try spans.mask
        }
    }
}

/// A mask as vertical runs of pixels, appended down the columns, left to right.
struct Spans {
    let width, height: Int
    private var runs: [UInt32] = []
    private var end = 0

    init(width: Int, height: Int) { (self.width, self.height) = (width, height) }

    mutating func append(_ x: Int, _ rows: Range<Int>) {
        let start = x * height + rows.lowerBound
        if start == end, !runs.isEmpty {
            runs[runs.count - 1] += UInt32(rows.count)
        } else {
            runs.append(UInt32(start - end))
            runs.append(UInt32(rows.count))
        }
        end = x * height + rows.upperBound
    }

    /// Appends those of the rows that are asked for.
    mutating func append(_ x: Int, _ rows: Range<Int>, where isIn: (_ y: Int) -> Bool) {
        var start: Int?
        for y in rows {
            if isIn(y) {
                start = start ?? y
            } else if let first = start {
                append(x, first..<y)
                start = nil
            }
        }
        if let start { append(x, start..<rows.upperBound) }
    }

    var mask: RunLengthMask {
        get throws(LTError) {
            let rest = width * height - end
            return try RunLengthMask(width: width, height: height, runs: rest > 0 ? runs + [UInt32(rest)] : runs)
        }
    }
}

extension RunLengthMask {
    /// The smallest box around the mask; nil for an empty one.
    public var bounds: Box? {
        var bounds: (x1: Int, y1: Int, x2: Int, y2: Int)?
        forEachSpan { x, rows in
            let old = bounds ?? (x, rows.lowerBound, x + 1, rows.upperBound)
            bounds = (
                min(old.x1, x), min(old.y1, rows.lowerBound), max(old.x2, x + 1), max(old.y2, rows.upperBound)
            )
        }
        return bounds.map { Box(x1: Float($0.x1), y1: Float($0.y1), x2: Float($0.x2), y2: Float($0.y2)) }
    }
}
