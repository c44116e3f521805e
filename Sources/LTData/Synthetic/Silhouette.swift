// Silhouette: the outline of an object kind as simple polygons that do not overlap, in a square from -1 to 1, y downwards.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

struct Point: Sendable {
    var x: Double
    var y: Double
    init(_ x: Double, _ y: Double) {
        self.x = x
        self.y = y
    }
}

struct Silhouette: Sendable {
    var polygons: [[Point]]
    init(_ polygons: [[Point]]) { self.polygons = polygons }
    init(_ outline: [(Double, Double)]) { polygons = [outline.map { Point($0.0, $0.1) }] }

    /// Points on an ellipse; angles in turns, clockwise from the right.
    static func arc(
        _ cx: Double, _ cy: Double, _ rx: Double, _ ry: Double, from: Double, to: Double, steps: Int = 24
    ) -> [Point] {
        (0...steps).map { step in
            let angle = 2 * Double.pi * (from + (to - from) * Double(step) / Double(steps))
            return Point(cx + rx * cos(angle), cy + ry * sin(angle))
        }
    }

    /// Points on a circle.
    static func arc(
        _ cx: Double = 0, _ cy: Double = 0, radius: Double, from: Double, to: Double, steps: Int = 24
    ) -> [Point] {
        arc(cx, cy, radius, radius, from: from, to: to, steps: steps)
    }

    static func regular(_ corners: Int, turned: Double = 0) -> Silhouette {
        Silhouette([Array(arc(radius: 1, from: -0.25 + turned, to: 0.75 + turned, steps: corners).dropLast())])
    }

    /// Radii that alternate between 1 and `inner`.
    static func star(_ tips: Int, inner: Double) -> Silhouette {
        let outer = arc(radius: 1, from: -0.25, to: 0.75, steps: 2 * tips)
        return Silhouette([
            (0..<2 * tips).map { index in
                let r = index % 2 == 0 ? 1 : inner
                return Point(outer[index].x * r, outer[index].y * r)
            }
        ])
    }

    /// A ring in two halves (polygons carry no holes); `outline` gives the outer radius at an angle in turns.
    static func ring(inner: Double, outline: (Double) -> Double = { _ in 1 }) -> Silhouette {
        Silhouette(
            [0.0, 0.5].map { start in
                let outer = (0...48).map { step in
                    let turn = start + 0.5 * Double(step) / 48
                    return Point(outline(turn) * cos(2 * .pi * turn), outline(turn) * sin(2 * .pi * turn))
                }
                return outer + arc(radius: inner, from: start + 0.5, to: start)
            })
    }

    /// Rectangles as (x0, y0, x1, y1).
    static func rectangles(_ boxes: [(Double, Double, Double, Double)]) -> Silhouette {
        Silhouette(
            boxes.map { [Point($0.0, $0.1), Point($0.2, $0.1), Point($0.2, $0.3), Point($0.0, $0.3)] })
    }

    /// Strokes of a width along (x0, y0, x1, y1) as one polygon each; the caller keeps them apart.
    static func strokes(_ lines: [(Double, Double, Double, Double)], width: Double) -> Silhouette {
        Silhouette(
            lines.map { line in
                let (dx, dy) = (line.2 - line.0, line.3 - line.1)
                let length = (dx * dx + dy * dy).squareRoot()
                let (nx, ny) = (-dy / length * width / 2, dx / length * width / 2)
                return [
                    Point(line.0 + nx, line.1 + ny), Point(line.2 + nx, line.3 + ny), Point(line.2 - nx, line.3 - ny),
                    Point(line.0 - nx, line.1 - ny),
                ]
            })
    }

    func with(_ other: Silhouette) -> Silhouette { Silhouette(polygons + other.polygons) }

    /// The silhouette in an image: scaled (pixels), turned (radians) and moved.
    func placed(x: Double, y: Double, scaleX: Double, scaleY: Double, angle: Double) -> Silhouette {
        let (c, s) = (cos(angle), sin(angle))
        return Silhouette(
            polygons.map { polygon in
                polygon.map { point in
                    let (px, py) = (point.x * scaleX, point.y * scaleY)
                    return Point(x + c * px - s * py, y + s * px + c * py)
                }
            })
    }

    /// Shoelace area; the polygons do not overlap.
    var area: Double {
        polygons.reduce(0) { sum, polygon in
            var twice = 0.0
            for (index, p) in polygon.enumerated() {
                let q = polygon[(index + 1) % polygon.count]
                twice += p.x * q.y - q.x * p.y
            }
            return sum + abs(twice) / 2
        }
    }

    var bounds: (x0: Double, y0: Double, x1: Double, y1: Double) {
        var box = (x0: Double.infinity, y0: Double.infinity, x1: -Double.infinity, y1: -Double.infinity)
        for point in polygons.joined() {
            box = (min(box.x0, point.x), min(box.y0, point.y), max(box.x1, point.x), max(box.y1, point.y))
        }
        return box
    }

    /// Fills `coverage` (width × height, row-major) with the covered share of each pixel, 0 … 1: exact along x,
    /// four scan lines a pixel along y.
    func rasterise(width: Int, height: Int, into coverage: inout [Float]) {
        for index in coverage.indices { coverage[index] = 0 }
        let box = bounds
        let top = min(height, max(0, Int(box.y0.rounded(.down))))
        let rows = top..<max(top, min(height, Int(box.y1.rounded(.up)) + 1))
        for row in rows {
            for line in 0..<4 {
                let y = Double(row) + (Double(line) + 0.5) / 4
                for polygon in polygons {
                    var crossings: [Double] = []
                    for (index, p) in polygon.enumerated() {
                        let q = polygon[(index + 1) % polygon.count]
                        guard (p.y <= y) != (q.y <= y) else { continue }
                        crossings.append(p.x + (y - p.y) / (q.y - p.y) * (q.x - p.x))
                    }
                    crossings.sort()
                    for pair in stride(from: 0, to: crossings.count - 1, by: 2) {
                        Silhouette.span(crossings[pair], crossings[pair + 1], width, row * width, &coverage)
                    }
                }
            }
        }
    }

    private static func span(_ from: Double, _ to: Double, _ width: Int, _ row: Int, _ coverage: inout [Float]) {
        let (a, b) = (max(0, from), min(Double(width), to))
        guard a < b else { return }
        for x in Int(a)...min(width - 1, Int(b)) {
            let share = min(b, Double(x + 1)) - max(a, Double(x))
            coverage[row + x] = min(1, coverage[row + x] + Float(share) * 0.25)
        }
    }
}
