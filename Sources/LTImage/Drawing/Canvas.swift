// Canvas: drawing on an RGB image: filled and outlined rectangles, single pixels, text. Everything is cut at the edges.

import LTCore

/// An image to draw on.
public struct Canvas {
    public let image: Image
    private let pixels: UnsafeMutableBufferPointer<UInt8>

    /// Draws on a copy of `image`, as RGB.
    /// - Throws: `outOfMemory`.
    public init(_ image: Image) throws(LTError) {
        let source = try image.rgb()
        self.image = try Image(width: source.width, height: source.height, channels: 3)
        pixels = self.image.bytes
        _ = pixels.update(fromContentsOf: source.bytes)
    }

    public var width: Int { image.width }
    public var height: Int { image.height }

    /// Mixes a pixel with a colour; outside the image nothing happens.
    public func blend(x: Int, y: Int, _ color: Color, alpha: Double) {
        guard x >= 0, y >= 0, x < width, y < height else { return }
        let weight = Int(min(max(alpha, 0), 1) * 256 + 0.5)
        let at = 3 * (y * width + x)
        mix(at, color.red, weight)
        mix(at + 1, color.green, weight)
        mix(at + 2, color.blue, weight)
    }

    /// Fills a rectangle.
    public func fill(_ rectangle: PixelRectangle, _ color: Color, alpha: Double = 1) {
        let weight = Int(min(max(alpha, 0), 1) * 256 + 0.5)
        let (xs, ys) = (visible(rectangle.x, rectangle.width, width), visible(rectangle.y, rectangle.height, height))
        for y in ys {
            for x in xs {
                let at = 3 * (y * width + x)
                mix(at, color.red, weight)
                mix(at + 1, color.green, weight)
                mix(at + 2, color.blue, weight)
            }
        }
    }

    /// Draws the border of a rectangle, inside it.
    public func outline(_ rectangle: PixelRectangle, _ color: Color, thickness: Int, alpha: Double = 1) {
        let (x, y, width, height) = (rectangle.x, rectangle.y, rectangle.width, rectangle.height)
        let thick = max(min(thickness, width / 2, height / 2), 1)
        fill(PixelRectangle(x: x, y: y, width: width, height: thick), color, alpha: alpha)
        guard height > thick else { return }
        fill(PixelRectangle(x: x, y: y + height - thick, width: width, height: thick), color, alpha: alpha)
        let inner = height - 2 * thick
        fill(PixelRectangle(x: x, y: y + thick, width: thick, height: inner), color, alpha: alpha)
        guard width > thick else { return }
        fill(PixelRectangle(x: x + width - thick, y: y + thick, width: thick, height: inner), color, alpha: alpha)
    }

    /// The size of a line of text, in pixels.
    /// - Parameter scale: pixels per cell of the font; letters are 5 cells wide and 7 high.
    public static func size(of text: String, scale: Double) -> (width: Int, height: Int) {
        let count = BitmapFont.shown(text).count
        let cells = max(count * BitmapFont.advance - 1, 0)
        return (Int((Double(cells) * scale).rounded(.up)), Int((Double(BitmapFont.height) * scale).rounded(.up)))
    }

    /// Draws a line of text whose upper left corner lies at (x, y).
    public func text(_ text: String, x: Int, y: Int, scale: Double, _ color: Color) {
        let columns = Int((Double(BitmapFont.advance) * scale).rounded(.up)) + 1
        let rows = Int((Double(BitmapFont.height) * scale).rounded(.up))
        for (index, scalar) in BitmapFont.shown(text).enumerated() where scalar != " " {
            let glyph = BitmapFont.glyph(scalar)
            let start = Double(x) + Double(index * BitmapFont.advance) * scale
            let left = Int(start.rounded(.down))
            guard left < width, left + columns > 0 else { continue }
            for row in -1...rows {
                for column in -1...columns {
                    let u = (Double(left + column) + 0.5 - start) / scale - 0.5
                    let v = (Double(row) + 0.5) / scale - 0.5
                    let coverage = Self.coverage(glyph, u, v, scale)
                    if coverage > 0 { blend(x: left + column, y: y + row, color, alpha: coverage) }
                }
            }
        }
    }

    /// How much of a pixel at cell (u, v) is ink: the cells are joined linearly, strokes end a little above half of them.
    private static func coverage(_ glyph: ArraySlice<Bool>, _ u: Double, _ v: Double, _ scale: Double) -> Double {
        let (column, row) = (Int(u.rounded(.down)), Int(v.rounded(.down)))
        func cell(_ x: Int, _ y: Int) -> Double {
            guard x >= 0, y >= 0, x < BitmapFont.width, y < BitmapFont.height else { return 0 }
            return glyph[glyph.startIndex + y * BitmapFont.width + x] ? 1 : 0
        }
        let (fx, fy) = (u - Double(column), v - Double(row))
        let top = cell(column, row) * (1 - fx) + cell(column + 1, row) * fx
        let bottom = cell(column, row + 1) * (1 - fx) + cell(column + 1, row + 1) * fx
        let field = top * (1 - fy) + bottom * fy
        return min(max((field - 0.42) * max(scale, 1) * 1.4 + 0.5, 0), 1)
    }

    @inline(__always)
    private func mix(_ at: Int, _ value: UInt8, _ weight: Int) {
        let old = Int(pixels[at])
        pixels[at] = UInt8(clamping: old + ((Int(value) - old) * weight + 128) >> 8)
    }

    private func visible(_ start: Int, _ count: Int, _ limit: Int) -> Range<Int> {
        let low = min(max(start, 0), limit)
        let (end, overflow) = start.addingReportingOverflow(max(count, 0))
        return low..<max(low, min(overflow ? limit : end, limit))
    }
}
