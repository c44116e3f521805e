// Pixels of a host against decoded files of the same picture, and what is refused.

import LTCore
import LTImage
import Testing

/// Lays an image out as a host would: rows `rowStride` apart, bytes between and behind them that nobody may read as pixels.
private func laidOut(_ image: Image, _ format: PixelView.Format, rowStride: Int) -> [UInt8] {
    let step = format.bytesPerPixel
    var bytes = [UInt8](repeating: 0xEE, count: rowStride * (image.height - 1) + image.width * step)
    for y in 0..<image.height {
        for x in 0..<image.width {
            let at = (y * image.width + x) * image.channels
            let rgb = (0..<3).map { image.bytes[at + (image.channels == 1 ? 0 : $0)] }
            let pixel: [UInt8] =
                switch format {
                case .rgb: rgb
                case .bgr: rgb.reversed()
                case .rgba: rgb + [UInt8(truncatingIfNeeded: x &* 7)]
                case .bgra: rgb.reversed() + [UInt8(truncatingIfNeeded: y)]
                case .grey: [rgb[0]]
                }
            bytes.replaceSubrange(y * rowStride + x * step..<y * rowStride + (x + 1) * step, with: pixel)
        }
    }
    return bytes
}

@Suite struct PixelViewTests {
    private static let preprocesses: [Preprocess] = [
        Preprocess(resize: .init(mode: .squash, size: .init(24)), mean: [0.4], std: [0.2]),
        Preprocess(
            decode: .init(color: .bgr), resize: .init(mode: .letterbox, size: .init(20)), mean: [0.1, 0.2, 0.3],
            std: [1, 2, 3], layout: .nhwc),
        Preprocess(decode: .init(color: .grey), crop: .init(16)),
    ]

    @Test(arguments: PixelView.Format.allCases) func tensorsAreThoseOfTheFile(format: PixelView.Format) throws {
        for (width, height, pad) in [(31, 17, 0), (16, 40, 5), (1, 1, 3), (257, 3, 64)] {
            let picture = try Image.noise(width, height, format == .grey ? 1 : 3, seed: 2)
            let file = try picture.encodedPNG()
            let rowStride = width * format.bytesPerPixel + pad
            let bytes = laidOut(picture, format, rowStride: rowStride)
            for preprocess in Self.preprocesses {
                let expected = try file.withUnsafeBytes { try preprocess.tensor($0) }
                let decoded = try Image.decode(file, preprocess.decodeOptions)
                let image = try bytes.withUnsafeBytes {
                    try Image(
                        PixelView(bytes: $0, width: width, height: height, rowStride: rowStride, format: format),
                        preprocess.decodeOptions)
                }
                #expect([image.width, image.height, image.channels] == [width, height, decoded.channels])
                #expect(image.pixels.bytes.elementsEqual(decoded.pixels.bytes), "\(width)×\(height)")
                let tensor = try Tensor(.float32, expected.0.shape)
                #expect(try preprocess.apply(image, into: tensor.elements()) == expected.1)
                #expect(tensor.bytes.elementsEqual(expected.0.bytes), "\(width)×\(height)")
            }
        }
    }

    @Test func viewsThatDoNotHoldTheirPixels() throws {
        let bytes = [UInt8](repeating: 1, count: 100)
        func code(
            _ width: Int, _ height: Int, _ rowStride: Int?, _ format: PixelView.Format, count: Int = 100,
            limit: Int = 1 << 28
        ) -> LTError.Code? {
            bytes.withUnsafeBytes { all in
                let view = PixelView(
                    bytes: UnsafeRawBufferPointer(rebasing: all[..<count]), width: width, height: height,
                    rowStride: rowStride, format: format)
                return errorOf { () throws(LTError) in try Image(view, DecodeOptions(maximumPixels: limit)) }?.code
            }
        }
        #expect(code(5, 5, 20, .rgba) == nil)
        #expect(code(5, 5, nil, .rgba) == nil)
        #expect(code(3, 10, 10, .rgb, count: 99) == nil)
        #expect(code(3, 10, 10, .rgb, count: 98) == .invalidArgument)
        #expect(code(5, 5, 19, .rgba) == .invalidArgument)
        #expect(code(5, 6, 20, .rgba) == .invalidArgument)
        #expect(code(5, 5, -20, .rgba) == .invalidArgument)
        for (width, height) in [(0, 5), (5, 0), (-1, 5), (5, -1), (.min, 1), (1, .min)] {
            #expect(code(width, height, nil, .grey) == .invalidArgument)
        }
        #expect(code(1, 1, nil, .grey, count: 0) == .invalidArgument)
        #expect(code(.max, 1, nil, .grey) == .outOfMemory)
        #expect(code(.max, .max, nil, .bgra) == .outOfMemory)
        #expect(code(10, 10, 10, .grey, limit: 99) == .outOfMemory)
        #expect(code(1, 2, .max, .grey) == .invalidArgument)
        #expect(code(1, .max, 1, .grey, limit: .max) == .invalidArgument)
        #expect(code(.max, 1, .max, .bgra, limit: .max) == .invalidArgument)
        #expect(code(1, 3, .max, .grey, limit: .max) == .invalidArgument)
    }
}
