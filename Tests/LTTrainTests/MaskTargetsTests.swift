// Masks: targets against torchvision's, both rules; what happens to them with their pictures.

import LTCore
import LTDecision
import LTTrain
import Testing

@Suite struct MaskTargetsTests {
    /// Masks of the reference, [count, height, width].
    static func masks(_ json: Any?) throws -> [RunLengthMask] {
        let sides = dims(json)
        let pixels = flat(json).map { UInt8($0) }
        return try (0..<sides[0]).map { index in
            try pixels[index * sides[1] * sides[2]..<(index + 1) * sides[1] * sides[2]].withUnsafeBufferPointer {
                try RunLengthMask(width: sides[2], height: sides[1], pixels: $0)
            }
        }
    }

    @Test func meansOfPixelsAreTorchvisions() throws {
        let reference = try DetectionReference(part: "masks")
        let masks = try Self.masks(reference["masks"])
        let targets = MaskTargets(side: try reference.int("side"))
        let result = try targets(
            reference.boxes("regions"), objects: reference.ints("matched"), masks: masks.map { .pixels($0) },
            width: 40, height: 30)
        #expect(result.dims == [4, 7, 7])
        #expect(deviation(try result.doubles(), reference.numbers("targets")) < 1e-5)
    }

    @Test func polygonsAreDrawnAtTheSmallSide() throws {
        let square = InstanceMask.polygons([[4, 4, 12, 4, 12, 12, 4, 12]])
        let targets = MaskTargets(side: 4, convention: .detectron)
        let box = Box(x1: 8, y1: 4, x2: 16, y2: 12)
        // Its left half is the square's.
        let expected = (0..<16).map { Double($0 % 4 < 2 ? 1 : 0) }
        #expect(try targets([box], objects: [0], masks: [square], width: 20, height: 20).doubles() == expected)
        // The same square in pixels.
        let pixels = InstanceMask.pixels(try square.drawn(width: 20, height: 20))
        #expect(try targets([box], objects: [0], masks: [pixels], width: 20, height: 20).doubles() == expected)
        // A box without width is taken as a tenth of a pixel.
        let thin = Box(x1: 6, y1: 4, x2: 6, y2: 12)
        #expect(
            try targets([thin], objects: [0], masks: [square], width: 20, height: 20).doubles()
                == [Double](repeating: 1, count: 16))
    }

    @Test func regionsKeepTheirOrder() throws {
        let left = InstanceMask.polygons([[0, 0, 10, 0, 10, 20, 0, 20]])
        let right = InstanceMask.polygons([[10, 0, 20, 0, 20, 20, 10, 20]])
        let whole = Box(x1: 0, y1: 0, x2: 20, y2: 20)
        for convention in DetectorConvention.allCases {
            let targets = MaskTargets(side: 2, convention: convention)
            let result = try targets(
                [whole, whole, whole], objects: [1, 0, 1], masks: [left, right], width: 20, height: 20)
            // torchvision's points lie half a pixel to the right: a twentieth of the other half.
            #expect(try result.doubles().map { $0.rounded() } == [0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1])
        }
    }

    @Test func anObjectWithoutMaskIsAnError() throws {
        let box = Box(x1: 0, y1: 0, x2: 4, y2: 4)
        for masks in [[nil], []] as [[InstanceMask?]] {
            #expect(throws: LTError.self) { try MaskTargets()([box], objects: [0], masks: masks, width: 8, height: 8) }
        }
        #expect(try MaskTargets()([], objects: [], masks: [], width: 8, height: 8).dims == [0, 28, 28])
    }

    static let polygon = InstanceMask.polygons([[2, 1, 9, 1, 9, 6, 2, 6]])

    @Test func polygonsAndPixelsGoTheSameWay() throws {
        let pixels = InstanceMask.pixels(try Self.polygon.drawn(width: 16, height: 8))
        for mask in [Self.polygon, pixels] {
            let wide = try mask.resized(from: (16, 8), width: 32, height: 8).drawn(width: 32, height: 8)
            #expect(wide.bounds == Box(x1: 4, y1: 1, x2: 18, y2: 6) && wide.area == 70)
            let mirrored = try mask.mirrored(width: 16).drawn(width: 16, height: 8)
            #expect(mirrored.bounds == Box(x1: 7, y1: 1, x2: 14, y2: 6) && mirrored.area == 35)
            let cut = try mask.cropped(.init(x: 5, y: -2, width: 6, height: 5), width: 16, height: 8)
            #expect(try cut.drawn(width: 6, height: 5).bounds == Box(x1: 0, y1: 3, x2: 4, y2: 5))
        }
        #expect(try pixels.mirrored(width: 16).mirrored(width: 16) == pixels)
        #expect(throws: LTError.self) { try pixels.drawn(width: 8, height: 16) }
    }

    @Test func anEmptyMaskHasNoBounds() throws {
        let empty = try RunLengthMask(width: 3, height: 2, runs: [6])
        #expect(empty.bounds == nil)
        #expect(try InstanceMask.pixels(empty).mirrored(width: 3) == .pixels(empty))
        let full = try RunLengthMask(width: 3, height: 2, runs: [0, 6])
        #expect(full.bounds == Box(x1: 0, y1: 0, x2: 3, y2: 2))
        #expect(
            try InstanceMask.pixels(full).resized(from: (3, 2), width: 5, height: 7).drawn(width: 5, height: 7).area
                == 35)
    }
}
