// Colour jitter, rotation, padded and resized crops, crops before resizing: against torchvision on Pillow images; what is
// drawn stays in range and repeats.

import Foundation
import LTCore
import LTImage
import Testing

struct TransformFixtures: Decodable {
    struct Jitter: Decodable {
        struct Part: Decodable {
            let part: ColorJitter.Part
            init(from decoder: any Decoder) throws {
                var list = try decoder.unkeyedContainer()
                let name = try list.decode(String.self)
                let value = try list.decode(Double.self)
                part =
                    switch name {
                    case "brightness": .brightness(value)
                    case "contrast": .contrast(value)
                    case "saturation": .saturation(value)
                    default: .hue(value)
                    }
            }
        }
        let seed: Int
        let parts: [Part]
        let pixels: [Int]
    }
    struct Rotation: Decodable {
        let seed: Int
        let degrees: Double
        let fill: UInt8
        let pixels: [Int]
    }
    struct Crop: Decodable {
        let seed: Int
        let x: Int
        let y: Int
        let pixels: [Int]
    }
    struct Resized: Decodable {
        let seed: Int
        let rectangle: [Int]
        let side: Int
        let crc: UInt32
    }
    struct Precrop: Decodable {
        let seed: Int
        let width: Int
        let height: Int
        let crop: Int
        let side: Int
        let crc: UInt32
    }
    struct Statistics: Decodable {
        let share: Double
        let width: Double
        let x: Double
    }
    let statistics: Statistics
    let jitter: [Jitter]
    let rotation: [Rotation]
    let crop: [Crop]
    let resized: [Resized]
    let precrop: [Precrop]

    static func read() throws -> TransformFixtures { try Fixtures.json("augment.json", TransformFixtures.self) }
}

@Suite struct TransformTests {
    /// The greatest difference and how many values differ.
    func difference(_ image: Image, _ expected: [Int]) -> (greatest: Int, count: Int) {
        guard image.bytes.count == expected.count else { return (.max, .max) }
        let differences = zip(image.bytes, expected).map { abs(Int($0) - $1) }
        return (differences.max() ?? 0, differences.count { $0 > 0 })
    }

    @Test func jitterEqualsTorchvision() throws {
        for item in try TransformFixtures.read().jitter {
            let result = try Image.noise(23, 17, 3, seed: item.seed).jittered(item.parts.map(\.part))
            let found = difference(result, item.pixels)
            #expect(found.greatest == 0, "seed \(item.seed): \(found)")
        }
    }

    @Test func rotationEqualsPillowWithinOne() throws {
        for item in try TransformFixtures.read().rotation {
            let result = try Image.noise(23, 17, 3, seed: item.seed).rotated(degrees: item.degrees, fill: item.fill)
            let found = difference(result, item.pixels)
            #expect(found.greatest <= 1 && found.count < 60, "\(item.degrees) degrees: \(found)")
        }
    }

    @Test func placedIsPadAndCrop() throws {
        for item in try TransformFixtures.read().crop {
            let image = try Image.noise(23, 17, 3, seed: item.seed)
            let result = try image.placed(x: item.x, y: item.y, width: 23, height: 17, fill: [0, 0, 0])
            #expect(difference(result, item.pixels).greatest == 0)
        }
        let image = try Image.noise(5, 4, 3, seed: 0)
        let around = try image.placed(x: 2, y: 1, width: 9, height: 6, fill: [1, 2, 3])
        #expect(Array(around.bytes.prefix(27)) == [UInt8](repeating: 0, count: 27).indices.map { UInt8($0 % 3 + 1) })
        #expect(try around.placed(x: -2, y: -1, width: 5, height: 4, fill: [0, 0, 0]).crc == image.crc)
        let outside = try image.placed(x: .max, y: .min, width: 3, height: 2, fill: [7, 7, 7])
        #expect(outside.bytes.allSatisfy { $0 == 7 })
        #expect(
            errorOf { () throws(LTError) in try image.placed(x: 0, y: 0, width: 5, height: 5, fill: [0]) }?.code
                == .invalidArgument)
    }

    @Test func resizedCropsEqualTorchvision() throws {
        for item in try TransformFixtures.read().resized {
            let r = item.rectangle
            let part = try Image.noise(23, 17, 3, seed: item.seed).cropped(
                PixelRectangle(x: r[0], y: r[1], width: r[2], height: r[3]))
            #expect(try part.resized(width: item.side, height: item.side, kernel: .pilBilinear).crc == item.crc)
        }
    }

    @Test func cropsBeforeResizingEqualTorchvision() throws {
        for item in try TransformFixtures.read().precrop {
            let preprocess = try Preprocess(
                json:
                    #"{"precrop":\#(item.crop),"resize":{"mode":"squash","size":\#(item.side),"kernel":"pil-bilinear"}}"#
            )
            #expect(try Preprocess(json: try preprocess.json()) == preprocess)
            let image = try Image.noise(item.width, item.height, 3, seed: item.seed)
            let tensor = try Tensor(.float32, Shape([3, item.side, item.side]))
            let geometry = try preprocess.apply(image, into: tensor.elements())
            #expect(crc32(tensor.bytes) == item.crc, "\(item.width)×\(item.height)")
            // The tensor's corner is the crop's.
            let corner = geometry.original(x: 0, y: 0)
            #expect(abs(corner.x - Double((item.width - item.crop + 1) / 2)) <= 1)
            let end = geometry.original(x: Double(item.side), y: Double(item.side))
            #expect(abs(end.x - corner.x - Double(item.crop)) < 1e-9)
            #expect(abs(end.y - corner.y - Double(item.crop)) < 1e-9)
        }
    }

    @Test func aCropBeforeResizingKeepsShorterSides() throws {
        let preprocess = Preprocess(
            precrop: .init(30), resize: .init(mode: .squash, size: .init(16), kernel: .pilBilinear))
        let image = try Image.noise(20, 40, 3, seed: 2)
        let tensor = try Tensor(.float32, Shape([3, 16, 16]))
        try preprocess.apply(image, into: tensor.elements())
        let part = try image.cropped(PixelRectangle(x: 0, y: 5, width: 20, height: 30))
        let expected = try Tensor(.float32, Shape([3, 16, 16]))
        try Preprocess(resize: preprocess.resize).apply(part, into: expected.elements())
        #expect(crc32(tensor.bytes) == crc32(expected.bytes))
    }

    @Test func theWriterLaysFramesIntoClips() throws {
        let preprocess = Preprocess(
            decode: .init(color: .bgr), resize: .init(mode: .shortest, size: .init(12), kernel: .pilBilinear),
            crop: .init(10), pad: .init(value: [3, 5, 7]), mean: [0.1, 0.2, 0.3], std: [0.5])
        let writer = TensorWriter(preprocess)
        let clip = try Tensor(.float32, Shape([3, 4, 10, 10]))
        let floats = clip.elements(Float.self)
        for frame in 0..<4 {
            let image = try Image.noise(15, 13 + frame, 3, seed: frame)
            let part = UnsafeMutableBufferPointer(rebasing: floats[frame * 100..<(frame + 9) * 100])
            // Through the picture, or all at once.
            if frame % 2 == 0 {
                try writer.apply(image, into: part, plane: 400)
            } else {
                try writer.write(try preprocess.picture(image), into: part, plane: 400)
            }
        }
        for frame in 0..<4 {
            let one = try Tensor(.float32, Shape([3, 10, 10]))
            let values = one.elements(Float.self)
            try preprocess.apply(try Image.noise(15, 13 + frame, 3, seed: frame), into: values)
            for channel in 0..<3 {
                #expect(
                    Array(values[channel * 100..<(channel + 1) * 100])
                        == Array(floats[channel * 400 + frame * 100..<channel * 400 + (frame + 1) * 100]))
            }
        }
        let image = try Image.noise(10, 10, 3, seed: 0)
        for plane in [99, 401, .max, -1] {
            let part = UnsafeMutableBufferPointer(rebasing: floats[0..<900])
            #expect(
                errorOf { () throws(LTError) in try writer.write(image, into: part, plane: plane) }?.code
                    == .shapeMismatch)
        }
    }

    @Test func jittersStayInRangeAndRepeat() throws {
        let jitter = ColorJitter(brightness: 0.4, contrast: 1.5, saturation: 0, hue: 0.1)
        var (first, second) = (SeededGenerator(seed: 8), SeededGenerator(seed: 8))
        var firstParts: [String: Int] = [:]
        for _ in 0..<3000 {
            let parts = jitter.draw(&first)
            #expect(parts == jitter.draw(&second))
            // Saturation by 1 is left out.
            #expect(parts.count == 3)
            for part in parts {
                switch part {
                case .brightness(let factor): #expect((0.6...1.4).contains(factor))
                case .contrast(let factor): #expect((0...2.5).contains(factor))
                case .saturation: Issue.record("no saturation was asked for")
                case .hue(let turns): #expect((-0.1...0.1).contains(turns))
                }
            }
            firstParts["\(parts[0])".prefix { $0 != "(" }.description, default: 0] += 1
        }
        #expect(firstParts.values.allSatisfy { (900...1100).contains($0) } && firstParts.count == 3)
    }

    @Test func badJittersAndRotationsAreErrors() throws {
        let image = try Image.noise(6, 5, 3, seed: 0)
        let grey = try Image.noise(6, 5, 1, seed: 0)
        for part in [ColorJitter.Part.brightness(-1), .contrast(.nan), .saturation(.infinity), .hue(0.6)] {
            #expect(errorOf { () throws(LTError) in try image.jittered([part]) }?.code == .invalidArgument)
        }
        #expect(errorOf { () throws(LTError) in try grey.jittered([.hue(0.1)]) }?.code == .invalidArgument)
        #expect(errorOf { () throws(LTError) in try image.rotated(degrees: .nan) }?.code == .invalidArgument)
        #expect(try image.jittered([]).crc == image.crc && image.rotated(degrees: 0).crc == image.crc)
        for channels in [1, 4] {
            let turned = try Image.noise(9, 9, channels, seed: 2).rotated(degrees: 180)
            #expect(try turned.rotated(degrees: 180).crc == Image.noise(9, 9, channels, seed: 2).crc)
        }
        #expect(try Image.noise(1, 1, 3, seed: 0).rotated(degrees: 33).crc == Image.noise(1, 1, 3, seed: 0).crc)
    }

    @Test func resizedCropsAreDrawnAsTorchvisionDraws() throws {
        let crop = RandomResizedCrop()
        var (first, second) = (SeededGenerator(seed: 3), SeededGenerator(seed: 3))
        var (share, width, x) = (0.0, 0.0, 0.0)
        for _ in 0..<20_000 {
            let r = crop.draw(width: 500, height: 400, &first)
            #expect(r == crop.draw(width: 500, height: 400, &second))
            #expect(r.x >= 0 && r.y >= 0 && r.x + r.width <= 500 && r.y + r.height <= 400)
            #expect((0.075...1.001).contains(Double(r.width * r.height) / 200_000))
            #expect(abs(log(Double(r.width) / Double(r.height))) < log(4.0 / 3) + 0.01)
            share += Double(r.width * r.height) / 200_000 / 20_000
            width += Double(r.width) / 20_000
            x += Double(r.x) / 20_000
        }
        // About four standard errors.
        let expected = try TransformFixtures.read().statistics
        #expect(abs(share - expected.share) < 0.008)
        #expect(abs(width - expected.width) < 4 && abs(x - expected.x) < 4)
        // Where nothing fits: the largest centred rectangle in range.
        let none = RandomResizedCrop(scale: 1...1, ratio: 1...2)
        #expect(none.draw(width: 90, height: 10, &first) == PixelRectangle(x: 35, y: 0, width: 20, height: 10))
        #expect(none.draw(width: 10, height: 91, &first) == PixelRectangle(x: 0, y: 40, width: 10, height: 10))
    }

    @Test func windowsCoverEveryPlaceEquallyOften() {
        let window = RandomWindow(width: 3, height: 50)
        var generator = SeededGenerator(seed: 1)
        var places = [Int](repeating: 0, count: 8)
        for _ in 0..<8000 {
            let r = window.draw(width: 10, height: 20, &generator)
            #expect(r.width == 3 && r.height == 20 && r.y == 0)
            places[r.x] += 1
        }
        #expect(places.allSatisfy { (850...1150).contains($0) })
    }
}
