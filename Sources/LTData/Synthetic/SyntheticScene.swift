// SyntheticScene: draws one image: a cluttered background and textured objects that may cover each other in part.

import LTCore
import LTImage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One drawn object, in pixels of the image.
struct SyntheticObject: Sendable {
    /// Position in the family's kinds.
    let kind: Int
    let outline: Silhouette
}

struct SyntheticScene {
    let image: Image
    let objects: [SyntheticObject]

    private typealias Color = SIMD3<Float>

    /// Draws objects of `kinds` (positions in the family's list), the first one lowest. `side`: the usual side of an image in
    /// pixels; width and height lie between 7/8 and 5/4 of it, objects scale with the shorter side.
    init(kinds: [Int], family: [SyntheticKind], style: SyntheticFamily, side: Int, generator: inout SeededGenerator)
        throws(LTError)
    {
        let width = Int(generator.uniform(0.875...1.25) * Double(side))
        let height = Int(generator.uniform(0.875...1.25) * Double(side))
        try self.init(
            kinds: kinds, family: family, habits: style.habits, width: width, height: height, generator: &generator)
    }

    /// The same in an image of a given size. `scale` enlarges objects and their textures.
    init(
        kinds: [Int], family: [SyntheticKind], habits: SyntheticHabits, width: Int, height: Int, scale: Double = 1,
        generator: inout SeededGenerator
    ) throws(LTError) {
        let unit = Double(min(width, height)) / 128
        var canvas = Self.background(width, height, unit, &generator)
        var occupied = [Float](repeating: 0, count: width * height)
        var coverage = occupied
        var objects: [SyntheticObject] = []
        for index in kinds {
            let kind = family[index]
            var outline = kind.outline
            for attempt in 0..<12 {
                outline = Self.place(kind.outline, crowd: kinds.count, width, height, unit * scale, &generator)
                outline.rasterise(width: width, height: height, into: &coverage)
                var (covered, total): (Float, Float) = (0, 0)
                for pixel in coverage.indices where coverage[pixel] > 0 {
                    total += coverage[pixel]
                    covered += coverage[pixel] * occupied[pixel]
                }
                if covered < 0.175 * total || attempt == 11 { break }
            }
            Self.paint(kind, habits, outline, coverage, width, unit * scale, &canvas, &generator)
            for pixel in coverage.indices { occupied[pixel] = max(occupied[pixel], coverage[pixel]) }
            objects.append(SyntheticObject(kind: index, outline: outline))
        }
        let brightness = Float(generator.uniform(0.85...1.1))
        image = try Image(width: width, height: height, channels: 3)
        let bytes = image.bytes
        for pixel in canvas.indices {
            let noisy = canvas[pixel] * brightness + Self.noise(sigma: 6, &generator)
            for channel in 0..<3 { bytes[3 * pixel + channel] = UInt8(min(255, max(0, noisy[channel].rounded()))) }
        }
        self.objects = objects
    }

    private static func place(
        _ outline: Silhouette, crowd: Int, _ width: Int, _ height: Int, _ unit: Double,
        _ generator: inout SeededGenerator
    ) -> Silhouette {
        let radius = generator.uniform(17...29) * unit * (crowd >= 4 ? 0.88 : 1)
        let aspect = generator.uniform(0.85...1.15).squareRoot()
        let margin = radius * 0.92
        return outline.placed(
            x: generator.uniform(margin...Double(width) - margin),
            y: generator.uniform(margin...Double(height) - margin),
            scaleX: radius * aspect, scaleY: radius / aspect, angle: generator.uniform(-25...25) * .pi / 180)
    }

    private static func paint(
        _ kind: SyntheticKind, _ habits: SyntheticHabits, _ outline: Silhouette, _ coverage: [Float], _ width: Int,
        _ unit: Double,
        _ canvas: inout [Color], _ generator: inout SeededGenerator
    ) {
        let textures = SyntheticKind.Texture.allCases
        let texture =
            generator.uniform() < habits.texture ? kind.texture : textures[generator.below(textures.count)]
        let hue = generator.uniform() < habits.hue ? kind.hue + 0.0194 * generator.normal() : generator.uniform()
        let first = color(
            hue: hue, saturation: generator.uniform(150...249) / 255, value: generator.uniform(150...249))
        let grey = Float(generator.uniform() < 0.5 ? generator.uniform(0...69) : generator.uniform(200...255))
        let second = Color(repeating: grey)
        let period = generator.uniform(7...11) * unit
        let angle = generator.uniform(0...Double.pi)
        let (c, s) = (cos(angle) / period, sin(angle) / period)
        for pixel in coverage.indices where coverage[pixel] > 0 {
            let (x, y) = (Double(pixel % width), Double(pixel / width))
            let (u, v) = (c * x + s * y, c * y - s * x)
            let (fu, fv) = (u - u.rounded(.down), v - v.rounded(.down))
            let isSecond =
                switch texture {
                case .plain: false
                case .stripes: fu < 0.45
                case .checker: (fu < 0.5) != (fv < 0.5)
                case .dots: (fu - 0.5) * (fu - 0.5) + (fv - 0.5) * (fv - 0.5) < 0.1
                }
            let share = coverage[pixel]
            canvas[pixel] = canvas[pixel] * (1 - share) + (isSecond ? second : first) * share
        }
    }

    private static func background(
        _ width: Int, _ height: Int, _ unit: Double, _ generator: inout SeededGenerator
    ) -> [Color] {
        func dull(_ generator: inout SeededGenerator) -> Color {
            color(
                hue: generator.uniform(), saturation: generator.uniform(0...59) / 255,
                value: generator.uniform(60...219))
        }
        let (from, to) = (dull(&generator), dull(&generator))
        let angle = generator.uniform(0...2 * Double.pi)
        let grid = (0..<81).map { _ in
            Color(Float(generator.normal()), Float(generator.normal()), Float(generator.normal())) * 10
        }
        var canvas = [Color](repeating: .zero, count: width * height)
        for y in 0..<height {
            let (cellY, ty) = cell(y, height)
            for x in 0..<width {
                let (cellX, tx) = cell(x, width)
                let along =
                    (Double(x) / Double(width) - 0.5) * cos(angle) + (Double(y) / Double(height) - 0.5) * sin(angle)
                let t = Float(min(1, max(0, along + 0.5)))
                let top = grid[cellY * 9 + cellX] * (1 - tx) + grid[cellY * 9 + cellX + 1] * tx
                let bottom = grid[cellY * 9 + 9 + cellX] * (1 - tx) + grid[cellY * 9 + cellX + 10] * tx
                canvas[y * width + x] = from * (1 - t) + to * t + top * (1 - ty) + bottom * ty
            }
        }
        var coverage = [Float](repeating: 0, count: width * height)
        for _ in 0..<generator.below(4) {
            distractor(width, height, unit, &generator).rasterise(width: width, height: height, into: &coverage)
            let paint = color(
                hue: generator.uniform(), saturation: generator.uniform(0...80) / 255,
                value: generator.uniform(40...235))
            for pixel in coverage.indices where coverage[pixel] > 0 {
                canvas[pixel] = canvas[pixel] * (1 - coverage[pixel]) + paint * coverage[pixel]
            }
        }
        return canvas
    }

    /// The cell of an 8-cell grid and the smooth position in it.
    private static func cell(_ position: Int, _ size: Int) -> (Int, Float) {
        let scaled = Float(position) * 8 / Float(size)
        let cell = min(7, Int(scaled))
        let t = scaled - Float(cell)
        return (cell, t * t * (3 - 2 * t))
    }

    /// A line, an arc or an irregular quadrilateral.
    private static func distractor(
        _ width: Int, _ height: Int, _ unit: Double, _ generator: inout SeededGenerator
    ) -> Silhouette {
        let (w, h) = (Double(width), Double(height))
        switch generator.below(3) {
        case 0:
            return .strokes(
                [
                    (
                        generator.uniform(0...w), generator.uniform(0...h), generator.uniform(0...w) + 1,
                        generator.uniform(0...h)
                    )
                ],
                width: generator.uniform(2...5) * unit)
        case 1:
            let radius = generator.uniform(10...30) * unit
            let thick = generator.uniform(2...5) * unit
            let (x, y) = (generator.uniform(0...w), generator.uniform(0...h))
            let (from, span) = (generator.uniform(), generator.uniform(0.2...0.6))
            return Silhouette([
                Silhouette.arc(x, y, radius: radius, from: from, to: from + span)
                    + Silhouette.arc(x, y, radius: max(1, radius - thick), from: from + span, to: from)
            ])
        default:
            let radius = generator.uniform(6...20) * unit
            let (x, y) = (generator.uniform(0...w), generator.uniform(0...h))
            return Silhouette([
                (0..<4).map { corner in
                    let angle = (Double(corner) + generator.uniform(0...0.7)) * .pi / 2
                    let reach = radius * generator.uniform(0.5...1)
                    return Point(x + reach * cos(angle), y + reach * sin(angle))
                }
            ])
        }
    }

    /// RGB 0 … 255 from hue in turns, saturation 0 … 1 and value 0 … 255.
    private static func color(hue: Double, saturation: Double, value: Double) -> Color {
        func channel(_ offset: Double) -> Float {
            let k = (offset + hue * 6).truncatingRemainder(dividingBy: 6)
            let position = k < 0 ? k + 6 : k
            return Float(value - value * saturation * max(0, min(min(position, 4 - position), 1)))
        }
        return Color(channel(5), channel(3), channel(1))
    }

    /// Three nearly normal numbers from one draw, each the sum of three uniform ones.
    private static func noise(sigma: Float, _ generator: inout SeededGenerator) -> Color {
        let bits = generator.next()
        func sum(_ shift: UInt64) -> Float {
            let word = bits >> shift
            return Float(word & 0x7F) + Float((word >> 7) & 0x7F) + Float((word >> 14) & 0x7F) - 190.5
        }
        // Three uniform numbers of 128 values have a standard deviation of 64.
        return Color(sum(0), sum(21), sum(42)) * (sigma / 64)
    }
}
