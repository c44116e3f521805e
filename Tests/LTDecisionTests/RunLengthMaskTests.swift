// Masks, suppression and pasting against pycocotools and torchvision (Fixtures/detection.json, made by
// Utilities/fixtures/detection.py); hostile counts are errors.

import Foundation
import LTCore
import LTDecision
import Testing

struct DetectionFixture: Decodable {
    struct Mask: Decodable {
        let width, height, area: Int
        let runs: [UInt32]
        let compressed: String

        func mask() throws(LTError) -> RunLengthMask { try RunLengthMask(width: width, height: height, runs: runs) }
    }
    struct Pair: Decodable {
        let one, two: Mask
        let iou: Double
    }
    struct Masks: Decodable {
        let masks: [Mask]
        let pairs: [Pair]
    }
    struct Suppression: Decodable {
        let iou: Float
        let boxes: [[Float]]
        let labels, each, all: [Int]
    }
    struct Paste: Decodable {
        let box, values: [Float]
        let side, width, height: Int
        let compressed: String
    }
    let rle: Masks
    let nms: [Suppression]
    let paste: [Paste]

    static func read() throws -> DetectionFixture {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/detection.json")
        return try JSONDecoder().decode(DetectionFixture.self, from: Data(contentsOf: file))
    }
}

extension Box {
    init(_ corners: [Float]) { self.init(x1: corners[0], y1: corners[1], x2: corners[2], y2: corners[3]) }
}

@Suite struct RunLengthMaskTests {
    @Test func bothFormsAreCOCOs() throws {
        for wanted in try DetectionFixture.read().rle.masks {
            let mask = try wanted.mask()
            #expect(mask.compressed == wanted.compressed && mask.area == wanted.area)
            let (width, height) = (wanted.width, wanted.height)
            #expect(try RunLengthMask(width: width, height: height, compressed: wanted.compressed) == mask)
            let pixels = try mask.pixels()
            let bytes = UnsafeBufferPointer(
                start: pixels.pointer.assumingMemoryBound(to: UInt8.self), count: pixels.byteCount)
            #expect(bytes.reduce(0) { $0 + Int($1) } == wanted.area)
            #expect(try RunLengthMask(width: width, height: height, pixels: bytes) == mask)
            var spans = 0
            mask.forEachSpan { x, rows in
                #expect((0..<width).contains(x) && rows.lowerBound >= 0 && rows.upperBound <= height && !rows.isEmpty)
                spans += rows.count
            }
            #expect(spans == wanted.area)
        }
    }

    @Test func overlapIsCOCOs() throws {
        let empty = try RunLengthMask(width: 4, height: 5, runs: [20])
        for pair in try DetectionFixture.read().rle.pairs {
            let (one, two) = (try pair.one.mask(), try pair.two.mask())
            #expect(abs(one.iou(two) - pair.iou) < 1e-12 && one.iou(two) == two.iou(one) && one.iou(one) == 1)
            #expect(one.iou(empty) == 0)
        }
        #expect(empty.iou(empty) == 1 && empty.area == 0)
    }

    @Test func badCountsAreErrors() throws {
        func code(_ body: () throws(LTError) -> RunLengthMask) -> LTError.Code? {
            do { _ = try body() } catch { return error.code }
            return nil
        }
        #expect(code { () throws(LTError) in try RunLengthMask(width: 2, height: 3, runs: [2, 3]) } == .malformed)
        #expect(code { () throws(LTError) in try RunLengthMask(width: 2, height: 3, runs: []) } == .malformed)
        #expect(code { () throws(LTError) in try RunLengthMask(width: 0, height: 3, runs: [0]) } == .invalidArgument)
        #expect(code { () throws(LTError) in try RunLengthMask(width: -1, height: -3, runs: [3]) } == .invalidArgument)
        for size in [Int.max, 1 << 33] {
            #expect(
                code { () throws(LTError) in try RunLengthMask(width: size, height: size, runs: [1]) }
                    == .invalidArgument)
        }
        for counts in ["", "6", "60", "~", "\u{7F}", "ooooooo0", "PPPPPPPPPPPP", "0004", "é", "24?", "Go", "33:"] {
            #expect(
                code { () throws(LTError) in try RunLengthMask(width: 3, height: 3, compressed: counts) } == .malformed,
                "\(counts)")
        }
        // Anything of the alphabet is a mask or an error, and what is a mask comes back.
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<20_000 {
            let text = String(
                decoding: (0..<generator.below(12)).map { _ in UInt8(48 + generator.below(64)) }, as: UTF8.self)
            let side = 1 + generator.below(40)
            guard let mask = try? RunLengthMask(width: side, height: 7, compressed: text) else { continue }
            #expect(try RunLengthMask(width: side, height: 7, compressed: mask.compressed) == mask)
        }
    }

    @Test func suppressionIsTorchvisions() throws {
        for wanted in try DetectionFixture.read().nms {
            let boxes = wanted.boxes.map { Box($0) }
            let each = NonMaximumSuppression(iou: wanted.iou).kept(boxes, wanted.labels)
            let all = NonMaximumSuppression(iou: wanted.iou, acrossCategories: true).kept(boxes, wanted.labels)
            #expect(each == wanted.each && all == wanted.all)
            #expect(
                NonMaximumSuppression(iou: wanted.iou).kept(boxes, wanted.labels, limit: 5) == Array(each.prefix(5)))
        }
    }

    @Test func oddBoxesAreNotSuppressed() {
        let boxes = [
            Box(x1: 0, y1: 0, x2: 0, y2: 0), Box(x1: 0, y1: 0, x2: 0, y2: 0), Box(x1: 5, y1: 5, x2: 1, y2: 1),
            Box(x1: .nan, y1: 0, x2: 1, y2: 1), Box(x1: -.infinity, y1: 0, x2: .infinity, y2: 1),
        ]
        #expect(NonMaximumSuppression(iou: 0).kept(boxes, [0, 0, 0, 0, 0]) == [0, 1, 2, 3, 4])
        #expect(NonMaximumSuppression(iou: 0.5).kept([], []) == [])
    }
}
