// Anchors and box codes against torchvision's.

import LTCore
import LTDecision
import LTTrain
import Testing

@Suite struct AnchorsTests {
    @Test func anchorsAreTorchvisions() throws {
        for reference in try DetectionReference.cases("anchors") {
            let sides = try reference.list("sizes").map { flat($0) }
            let anchors = Anchors(sides: sides, ratios: reference.numbers("ratios"))
            let picture = reference.sizes("picture")[0]
            let levels = try anchors.boxes(maps: reference.sizes("maps"), picture: picture)
            #expect(
                levels.map(\.count) == zip(reference.sizes("maps"), sides).map { $0.height * $0.width * $1.count * 3 })
            #expect(levels.flatMap { $0 } == reference.boxes("anchors"))
        }
    }

    @Test func detectronsAreNeitherRoundedNorStretched() throws {
        let anchors = Anchors(sides: [[32], [64]], ratios: [0.5, 1], convention: .detectron)
        let levels = try anchors.boxes(maps: [(2, 2), (1, 1)], picture: (9, 9))
        let (half, tall) = (Float(32) * Float(2).squareRoot() / 2, Float(16) / Float(2).squareRoot())
        #expect(deviation(numbers([levels[0][0]]), numbers([Box(x1: -half, y1: -tall, x2: half, y2: tall)])) < 1e-6)
        // The second place of the second row, 4 pixels on; the second level's only place.
        #expect(levels[0][7] == Box(x1: -12, y1: -12, x2: 20, y2: 20))
        #expect(levels[1][1] == Box(x1: -32, y1: -32, x2: 32, y2: 32))
    }

    @Test func levelsAndMapsMustFit() {
        #expect(throws: LTError.self) { try Anchors().boxes(maps: [(1, 1)], picture: (32, 32)) }
        #expect(throws: LTError.self) { try Anchors(sides: [[8]]).boxes(maps: [(0, 1)], picture: (32, 32)) }
    }

    @Test func codesAreTorchvisions() throws {
        for reference in try DetectionReference.cases("codes") {
            let weights = reference.numbers("weights").map { Float($0) }
            let coder = BoxCoder(weights: SIMD4(weights[0], weights[1], weights[2], weights[3]))
            let (references, targets) = (reference.boxes("references"), reference.boxes("targets"))
            let encoded = zip(targets, references).map { coder.encode($0, from: $1) }
            let flatCodes = encoded.flatMap { code in [code[0], code[1], code[2], code[3]].map { Double($0) } }
            #expect(deviation(flatCodes, reference.numbers("encoded")) < 1e-5)
            let decoded = zip(codes(reference["deltas"]), references).map { coder.decode($0, from: $1) }
            // Enlarged boxes are thousands of pixels wide, in float32.
            #expect(deviation(numbers(decoded), reference.numbers("decoded")) < 1e-4)
            // There and back.
            let back = zip(encoded, references).map { coder.decode($0, from: $1) }
            #expect(deviation(numbers(back), numbers(targets)) < 1e-5)
        }
    }
}
