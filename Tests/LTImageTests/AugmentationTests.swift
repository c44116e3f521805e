// Crop, flip and photometric distortion: against numpy and OpenCV, and the same again for the same seed.

import LTCore
import LTImage
import Testing

struct DistortionFixtures: Decodable {
    struct Parameters: Decodable {
        let brightness: Float
        let contrast: Float
        let contrastFirst: Bool
        let saturation: Float
        let hue: Float
        let permutation: [Int]
    }
    struct Case: Decodable {
        let seed: Int
        let parameters: Parameters
        let pixels: [Int]
    }
    let distortion: [Case]
}

@Suite struct AugmentationTests {
    @Test func distortionEqualsOpenCVWithinRounding() throws {
        var differing = 0
        var total = 0
        for item in try Fixtures.json("distortion.json", DistortionFixtures.self).distortion {
            var parameters = PhotometricDistortion.Parameters()
            parameters.brightness = item.parameters.brightness
            parameters.contrast = item.parameters.contrast
            parameters.contrastFirst = item.parameters.contrastFirst
            parameters.saturation = item.parameters.saturation
            parameters.hue = item.parameters.hue
            parameters.permutation = item.parameters.permutation
            let result = try Image.noise(23, 17, 3, seed: item.seed).distorted(parameters)
            for (value, expected) in zip(result.bytes, item.pixels) {
                // A float's last bit may tip a rounding.
                #expect(abs(Int(value) - expected) <= 1, "seed \(item.seed)")
                differing += Int(value) == expected ? 0 : 1
                total += 1
            }
        }
        #expect(differing * 1000 < total, "\(differing) of \(total) values differ by 1")
    }

    @Test func nothingDrawnChangesNothing() throws {
        let image = try Image.noise(31, 9, 3, seed: 0)
        #expect(try image.distorted(PhotometricDistortion.Parameters()).crc == image.crc)
        let grey = try Image.noise(31, 9, 1, seed: 0)
        #expect(
            errorOf { () throws(LTError) in try grey.distorted(PhotometricDistortion.Parameters()) }?.code
                == .invalidArgument)
        var parameters = PhotometricDistortion.Parameters()
        parameters.permutation = [0, 0, 1]
        #expect(errorOf { () throws(LTError) in try image.distorted(parameters) }?.code == .invalidArgument)
    }

    @Test func drawsRepeatAndStayInRange() throws {
        let distortion = PhotometricDistortion()
        var (first, second) = (SeededGenerator(seed: 5), SeededGenerator(seed: 5))
        var changed = 0
        for _ in 0..<2000 {
            let drawn = distortion.draw(&first)
            #expect(drawn == distortion.draw(&second))
            #expect(distortion.brightness.contains(Double(drawn.brightness)))
            #expect((0.5...1.5).contains(drawn.contrast) && (0.5...1.5).contains(drawn.saturation))
            changed += drawn.hue == 0 ? 0 : 1
        }
        #expect((900...1100).contains(changed))
        let crop = RandomCrop()
        for _ in 0..<2000 {
            let rectangle = crop.draw(width: 97, height: 60, &first)
            #expect(rectangle == crop.draw(width: 97, height: 60, &second))
            #expect((77...97).contains(rectangle.width) && (48...60).contains(rectangle.height))
            #expect(rectangle.x >= 0 && rectangle.x + rectangle.width <= 97)
            #expect(rectangle.y >= 0 && rectangle.y + rectangle.height <= 60)
        }
        // No crop of a 10:1 image has an aspect ratio in range: the whole is taken.
        #expect(crop.draw(width: 100, height: 10, &first) == PixelRectangle(x: 0, y: 0, width: 100, height: 10))
    }

    @Test func cropTakesTheRectangle() throws {
        let image = try Image.noise(13, 11, 3, seed: 0)
        let part = try image.cropped(PixelRectangle(x: 4, y: 3, width: 6, height: 5))
        for y in 0..<5 {
            for at in 0..<18 { #expect(part.bytes[y * 18 + at] == image.bytes[((y + 3) * 13 + 4) * 3 + at]) }
        }
        for bad in [
            PixelRectangle(x: 8, y: 0, width: 6, height: 5), PixelRectangle(x: -1, y: 0, width: 6, height: 5),
            PixelRectangle(x: 0, y: 0, width: 0, height: 5), PixelRectangle(x: .max, y: 0, width: 5, height: .max),
        ] {
            #expect(errorOf { () throws(LTError) in try image.cropped(bad) }?.code == .invalidArgument)
        }
    }

    @Test func flipsMirrorRows() throws {
        let image = try Image.noise(7, 3, 3, seed: 0)
        let flipped = try image.flippedHorizontally()
        for y in 0..<3 {
            for x in 0..<7 {
                for c in 0..<3 { #expect(flipped.bytes[(y * 7 + x) * 3 + c] == image.bytes[(y * 7 + 6 - x) * 3 + c]) }
            }
        }
        #expect(try flipped.flippedHorizontally().crc == image.crc)
    }
}
