// Matching of candidates against torchvision's, ignored regions; drawing of candidates.

import LTCore
import LTDecision
import LTTrain
import Testing

@Suite struct BoxAssignerTests {
    @Test func matchesAreTorchvisions() throws {
        for reference in try DetectionReference.cases("matches") {
            let assigner = BoxAssigner(
                high: Float(try reference.double("high")), low: Float(try reference.double("low")),
                lowQuality: try reference.bool("low_quality") ? 0 : nil)
            let (candidates, truth) = (reference.boxes("candidates"), reference.boxes("truth"))
            #expect(assigner.assign(candidates, to: truth).map { Int($0) } == reference.ints("matched"))
            let overlaps = boxIoU(truth, candidates).flatMap { $0.map { Double($0) } }
            #expect(deviation(overlaps, reference.numbers("iou")) < 1e-6)
        }
    }

    static let object = Box(x1: 0, y1: 0, x2: 10, y2: 10)
    static let far = Box(x1: 100, y1: 100, x2: 110, y2: 110)

    @Test func withoutObjectsAllIsBackground() {
        #expect(BoxAssigner.anchors.assign([Self.object, Self.far], to: []) == [-1, -1])
        #expect(BoxAssigner.anchors.assign([], to: [Self.object]) == [])
    }

    @Test func anObjectThatNothingTouchesHasNoMatch() {
        // Every candidate overlaps it equally: not at all.
        #expect(BoxAssigner.anchors.assign([Self.object, Self.object], to: [Self.far]) == [-1, -1])
    }

    @Test func equalCandidatesAllMatchAndTheFirstOfEqualObjectsCounts() {
        let near = Box(x1: 0, y1: 0, x2: 10, y2: 5)
        let assigner = BoxAssigner(high: 0.7, low: 0.3, lowQuality: 0)
        #expect(assigner.assign([near, near, Self.far], to: [Self.object, Self.object]) == [0, 0, -1])
        #expect(BoxAssigner(high: 0.7, low: 0.3).assign([near], to: [Self.object]) == [BoxAssigner.left])
        #expect(BoxAssigner(high: 0.7, low: 0.3, lowQuality: 0.6).assign([near], to: [Self.object]) == [-2])
    }

    @Test func backgroundInACrowdIsLeftOut() {
        let crowd = Box(x1: 90, y1: 90, x2: 200, y2: 200)
        let half = Box(x1: 80, y1: 100, x2: 100, y2: 110)
        var assigner = BoxAssigner.regions
        #expect(assigner.assign([Self.far, half, Self.object], to: [], ignored: [crowd]) == [-2, -2, -1])
        assigner.ignoring = 0.6
        #expect(assigner.assign([Self.far, half], to: [Self.far], ignored: [crowd]) == [0, -1])
        assigner.ignoring = nil
        #expect(assigner.assign([Self.far], to: [], ignored: [crowd]) == [-1])
    }

    @Test func drawsTheShareAndFillsWithBackground() {
        var generator = SeededGenerator(seed: 3)
        let assignment: [Int32] = (0..<100).map { $0 % 10 == 0 ? 0 : $0 % 10 == 1 ? -2 : -1 }
        let sampler = BalancedBoxSampler(count: 16, share: 0.25)
        let drawn = sampler.draw(assignment, &generator)
        #expect(drawn.foreground.count == 4 && drawn.background.count == 12)
        #expect(
            drawn.foreground.allSatisfy { assignment[$0] == 0 } && drawn.background.allSatisfy { assignment[$0] == -1 })
        #expect(
            drawn.foreground == Set(drawn.foreground).sorted() && drawn.background == Set(drawn.background).sorted())
        // Few objects: background instead; little of both: all there is.
        #expect(BalancedBoxSampler(count: 64, share: 0.5).draw(assignment, &generator).foreground.count == 10)
        #expect(BalancedBoxSampler(count: 64, share: 0.5).draw(assignment, &generator).background.count == 54)
        #expect(BalancedBoxSampler(count: 1000, share: 0.5).draw(assignment, &generator).count == 90)
    }

    @Test func drawsAreEvenAndRepeatable() {
        var generator = SeededGenerator(seed: 5)
        let assignment = [Int32](repeating: -1, count: 20)
        var counts = [Int](repeating: 0, count: 20)
        for _ in 0..<2000 {
            for index in BalancedBoxSampler(count: 5, share: 0.5).draw(assignment, &generator).background {
                counts[index] += 1
            }
        }
        // 500 each, deviation 19.
        #expect(counts.allSatisfy { abs($0 - 500) < 100 })
        var (one, two) = (SeededGenerator(seed: 8), SeededGenerator(seed: 8))
        let sampler = BalancedBoxSampler(count: 5, share: 0.5)
        #expect(sampler.draw(assignment, &one) == sampler.draw(assignment, &two))
        #expect(one == two)
    }
}
