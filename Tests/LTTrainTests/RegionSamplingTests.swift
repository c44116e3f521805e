// Regions drawn for the heads; pictures of different sizes in one batch.

import LTCore
import LTDecision
import LTTrain
import Testing

@Suite struct RegionSamplingTests {
    static let truth = PictureObjects(
        boxes: [Box(x1: 0, y1: 0, x2: 20, y2: 20), Box(x1: 40, y1: 40, x2: 60, y2: 60)], categories: [4, 2])
    static let proposals =
        [Box(x1: 1, y1: 0, x2: 21, y2: 20)]
        + (0..<30).map { Box(x1: Float(100 + $0), y1: 100, x2: Float(120 + $0), y2: 120) }

    @Test func objectsComeFirstAndAreProposalsThemselves() {
        var generator = SeededGenerator(seed: 2)
        var sampling = RegionSampling()
        sampling.sampler = BalancedBoxSampler(count: 16, share: 0.25)
        let drawn = sampling(Self.proposals, Self.truth, &generator)
        #expect(drawn.boxes.count == 16)
        #expect(Array(drawn.boxes.prefix(3)) == [Self.proposals[0]] + Self.truth.boxes)
        #expect(drawn.objects == [0, 0, 1] && drawn.categories == [4, 4, 2])
        #expect(drawn.codes[1] == .zero && drawn.codes[2] == .zero)
        // A twentieth of the width, times 10.
        #expect(abs(drawn.codes[0][0] + 0.5) < 1e-6 && drawn.codes[0][1] == 0)
        sampling.addsObjects = false
        #expect(sampling(Self.proposals, Self.truth, &generator).objects == [0])
    }

    @Test func aBatchJoinsPictures() {
        var generator = SeededGenerator(seed: 2)
        var sampling = RegionSampling()
        sampling.sampler = BalancedBoxSampler(count: 8, share: 0.25)
        let pictures = [
            sampling(Self.proposals, PictureObjects(boxes: [], categories: []), &generator),
            sampling(Self.proposals, Self.truth, &generator),
        ]
        let batch = RegionBatch(pictures, classes: 5)
        #expect(batch.regions.map(\.image) == [Int](repeating: 0, count: 8) + [Int](repeating: 1, count: 8))
        #expect(batch.foreground == [8, 9] && batch.foregroundCategories.count == 2)
        #expect(Array(batch.categories[..<8]) == [Int](repeating: 5, count: 8))
        #expect(Array(batch.categories[8..<10]) == batch.foregroundCategories)
        #expect(batch.categories[10...].allSatisfy { $0 == 5 })
        #expect(batch.foregroundRegions.map(\.box) == Array(pictures[1].boxes.prefix(2)))
    }

    @Test func theSameSeedDrawsTheSame() {
        func draw(_ seed: UInt64) -> SampledRegions {
            var generator = SeededGenerator(seed: seed)
            var sampling = RegionSampling()
            sampling.sampler = BalancedBoxSampler(count: 8, share: 0.25)
            return sampling(Self.proposals, Self.truth, &generator)
        }
        #expect(draw(1) == draw(1))
        #expect(draw(1) != draw(2))
    }

    @Test func picturesArePaddedRightAndBelow() throws {
        let small = try Tensor((0..<12).map { Float($0 + 1) }, [2, 2, 3])
        let wide = try Tensor([Float](repeating: 7, count: 2 * 1 * 5), [2, 1, 5])
        let batch = try PaddedBatch([small, wide], multiple: 4)
        #expect(batch.images.dims == [2, 2, 4, 8])
        #expect(batch.padded == (4, 8))
        #expect(batch.sizes.map { [$0.height, $0.width] } == [[2, 3], [1, 5]])
        let values = try batch.images.array(of: Float.self)
        for image in 0..<2 {
            for channel in 0..<2 {
                for row in 0..<4 {
                    for column in 0..<8 {
                        let own = values[((image * 2 + channel) * 4 + row) * 8 + column]
                        let inside = row < batch.sizes[image].height && column < batch.sizes[image].width
                        let expected: Float = !inside ? 0 : image == 1 ? 7 : Float(channel * 6 + row * 3 + column + 1)
                        #expect(own == expected)
                    }
                }
            }
        }
        #expect(try PaddedBatch([small], least: (40, 64)).images.dims == [1, 2, 64, 64])
    }

    @Test func picturesMustFit() throws {
        let two = try Tensor([Float](repeating: 0, count: 2), [2, 1, 1])
        let three = try Tensor([Float](repeating: 0, count: 3), [3, 1, 1])
        #expect(throws: LTError.self) { try PaddedBatch([two, three]) }
        #expect(throws: LTError.self) { try PaddedBatch([]) }
        #expect(throws: LTError.self) { try PaddedBatch([try Tensor([Double(1)], [1, 1, 1])]) }
    }
}
