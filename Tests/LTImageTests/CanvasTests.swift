// Canvas: what is drawn stays in its place and in the image.

import LTCore
import LTImage
import Testing

@Suite struct CanvasTests {
    private func canvas(_ width: Int = 40, _ height: Int = 30, channels: Int = 3) throws -> Canvas {
        let image = try Image(width: width, height: height, channels: channels)
        image.bytes.update(repeating: 100)
        return try Canvas(image)
    }

    private func inked(_ canvas: Canvas) -> [(x: Int, y: Int)] {
        let bytes = canvas.image.bytes
        var places: [(x: Int, y: Int)] = []
        for y in 0..<canvas.height {
            for x in 0..<canvas.width where (0..<3).contains(where: { bytes[3 * (y * canvas.width + x) + $0] != 100 }) {
                places.append((x, y))
            }
        }
        return places
    }

    @Test func rectanglesCoverTheirPixels() throws {
        let filled = try canvas()
        filled.fill(PixelRectangle(x: 3, y: 5, width: 4, height: 2), Color(255, 0, 7))
        #expect(inked(filled).count == 8 && inked(filled).allSatisfy { 3..<7 ~= $0.x && 5..<7 ~= $0.y })
        #expect(Array(filled.image.bytes[3 * (5 * 40 + 3)..<3 * (5 * 40 + 4)]) == [255, 0, 7])
        filled.fill(PixelRectangle(x: 3, y: 5, width: 1, height: 1), .black, alpha: 0.5)
        #expect(Array(filled.image.bytes[3 * (5 * 40 + 3)..<3 * (5 * 40 + 4)]) == [128, 0, 4])
        let outlined = try canvas(channels: 1)
        outlined.outline(PixelRectangle(x: 2, y: 2, width: 10, height: 8), .white, thickness: 2)
        #expect(inked(outlined).count == 10 * 8 - 6 * 4)
        for (width, height) in [(1, 1), (1, 5), (5, 1), (2, 2), (2, 7)] {
            let small = try canvas()
            small.outline(PixelRectangle(x: 0, y: 0, width: width, height: height), .white, thickness: 9)
            #expect(inked(small).count == width * height)
        }
    }

    @Test func theOriginalStays() throws {
        let image = try Image(width: 4, height: 4, channels: 3)
        image.bytes.update(repeating: 9)
        let canvas = try Canvas(image)
        canvas.fill(PixelRectangle(x: 0, y: 0, width: 4, height: 4), .white)
        #expect(image.bytes.allSatisfy { $0 == 9 } && canvas.image.bytes.allSatisfy { $0 == 255 })
    }

    @Test func whatIsOutsideIsCutOff() throws {
        let canvas = try canvas()
        let far = [Int.min, -1 << 40, -50, 0, 39, 1 << 40, .max]
        for x in far {
            for side in [0, 1, 100, Int.max] {
                canvas.fill(PixelRectangle(x: x, y: 35, width: side, height: side), .white)
                canvas.fill(PixelRectangle(x: 45, y: x, width: side, height: side), .white)
            }
            canvas.blend(x: x, y: -1, .white, alpha: 1)
        }
        canvas.text("far away", x: -4000, y: 3, scale: 2, .white)
        canvas.text("far away", x: 3, y: 4000, scale: 2, .white)
        #expect(inked(canvas).isEmpty)
    }

    @Test(arguments: [1, 1.5, 2, 3.7]) func textFillsItsSize(scale: Double) throws {
        for text in ["H", "Eg", "person 98%", "~|_@"] {
            let size = Canvas.size(of: text, scale: scale)
            let canvas = try canvas(size.width + 20, size.height + 20)
            canvas.text(text, x: 10, y: 10, scale: scale, .black)
            let places = inked(canvas)
            #expect(places.allSatisfy { 9...(size.width + 10) ~= $0.x && 9...(size.height + 10) ~= $0.y })
            #expect(places.count > Int(7 * scale * scale))
        }
    }

    @Test func glyphsDifferAndAccentsAreDropped() throws {
        func pixels(_ text: String) throws -> [UInt8] {
            let canvas = try canvas(12, 12)
            canvas.text(text, x: 1, y: 1, scale: 1, .black)
            return Array(canvas.image.bytes)
        }
        var seen: Set<[UInt8]> = []
        for code in 32..<127 {
            let text = String(Unicode.Scalar(UInt8(code)))
            #expect(seen.insert(try pixels(text)).inserted, "\(text)")
        }
        #expect(try pixels("é") == pixels("e") && pixels("e\u{301}") == pixels("e") && pixels("Ø") == pixels("O"))
        #expect(try pixels("猫") == pixels("?") && pixels("\n") == pixels(" "))
        #expect(Canvas.size(of: "ß", scale: 1).width == 11 && Canvas.size(of: "", scale: 1).width == 0)
    }

    @Test func coloursOfNeighboursDiffer() {
        let colors = (0..<60).map { Color.category($0) }
        for index in colors.indices {
            for other in colors.indices where other != index && abs(other - index) < 8 {
                let (a, b) = (colors[index], colors[other])
                let distance =
                    abs(Int(a.red) - Int(b.red)) + abs(Int(a.green) - Int(b.green)) + abs(Int(a.blue) - Int(b.blue))
                #expect(distance > 50, "\(index) \(other)")
            }
        }
        #expect(Color.category(3) == Color.category(3))
        _ = (Color.category(.max), Color.category(.min), Color.category(-5))
        #expect(Color.white.contrasting == .black && Color(20, 20, 90).contrasting == .white)
    }
}
