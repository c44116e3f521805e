// Proposals and suppression against torchvision's.

import LTCore
import LTDecision
import LTTrain
import Testing

@Suite struct ProposalSelectionTests {
    @Test func suppressionIsTorchvisions() throws {
        let reference = try DetectionReference(part: "suppression")
        let (boxes, scores) = (reference.boxes("boxes"), reference.numbers("scores"))
        let order = boxes.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) }
        let groups = reference.ints("groups")
        func kept(_ suppression: NonMaximumSuppression) -> [Int] {
            suppression.kept(order.map { boxes[$0] }, order.map { groups[$0] }).map { order[$0] }
        }
        #expect(kept(NonMaximumSuppression(iou: 0.4, acrossCategories: true)) == reference.ints("kept"))
        #expect(kept(NonMaximumSuppression(iou: 0.4)) == reference.ints("kept_in_groups"))
    }

    /// The parts of the reference, level by level.
    struct Levels {
        var (objectness, deltas): ([TorchTensor], [TorchTensor]) = ([], [])
        var anchors: [[Box]]

        init(_ reference: DetectionReference) throws {
            let maps = reference.sizes("maps")
            anchors = try Anchors(sides: reference.numbers("sizes").map { [$0] })
                .boxes(maps: maps, picture: reference.sizes("picture")[0])
            let total = anchors.reduce(0) { $0 + $1.count }
            let (scores, codes) = (reference.numbers("scores"), reference.numbers("deltas"))
            var start = 0
            for level in anchors {
                let images = scores.count / total
                let places = (0..<images).flatMap { image in level.indices.map { image * total + start + $0 } }
                objectness.append(try TorchTensor(places.map { Float(scores[$0]) }, [images, level.count]))
                deltas.append(
                    try TorchTensor(
                        places.flatMap { place in (0..<4).map { Float(codes[4 * place + $0]) } },
                        [images, level.count, 4]))
                start += level.count
            }
        }
    }

    @Test func proposalsAreTorchvisions() throws {
        let reference = try DetectionReference(part: "proposals")
        let levels = try Levels(reference)
        let selection = ProposalSelection(
            before: try reference.int("before"), after: try reference.int("after"),
            overlap: Float(try reference.double("iou")))
        let pictures = reference.sizes("picture_sizes")
        let result = try selection(
            objectness: levels.objectness, deltas: levels.deltas, anchors: levels.anchors, pictures: pictures)
        for (own, (boxes, probabilities)) in zip(
            result, zip(try reference.list("proposals"), try reference.list("probabilities")))
        {
            #expect(own.boxes.count == selection.after)
            #expect(deviation(numbers(own.boxes), flat(boxes)) < 1e-5)
            let scores = try TorchTensor(own.scores, [own.scores.count]).sigmoid().doubles()
            #expect(deviation(scores, flat(probabilities)) < 1e-5)
        }
        // No history, whatever the inputs have.
        for tensor in levels.objectness + levels.deltas { try tensor.setRequiresGrad(true) }
        let again = try selection(
            objectness: levels.objectness, deltas: levels.deltas, anchors: levels.anchors, pictures: pictures)
        #expect(again == result)
    }

    @Test func whatIsNoNumberIsDropped() throws {
        let anchors = [
            Box(x1: 0, y1: 0, x2: 8, y2: 8), Box(x1: 8, y1: 0, x2: 16, y2: 8), Box(x1: 0, y1: 8, x2: 8, y2: 16),
        ]
        let objectness = try TorchTensor([Float.nan, 1, 2], [1, 3])
        let deltas = try TorchTensor([0, 0, 0, 0, 0, 0, 0, 0, Float.nan, 0, 0, 0], [1, 3, 4])
        let result = try ProposalSelection()(
            objectness: [objectness], deltas: [deltas], anchors: [anchors], pictures: [(20, 20)])
        #expect(result == [ProposalSelection.Proposals(boxes: [anchors[1]], scores: [1])])
    }

    @Test func equalScoresKeepTheirOrder() throws {
        let anchors = (0..<6).map { Box(x1: Float(10 * $0), y1: 0, x2: Float(10 * $0 + 8), y2: 8) }
        let zeros = try TorchTensor([Float](repeating: 0, count: 3), [1, 3])
        let none = try TorchTensor([Float](repeating: 0, count: 12), [1, 3, 4])
        let result = try ProposalSelection(after: 5)(
            objectness: [zeros, zeros], deltas: [none, none], anchors: [Array(anchors[..<3]), Array(anchors[3...])],
            pictures: [(8, 64)])
        #expect(result[0].boxes == Array(anchors[..<5]))
    }

    @Test func shapesMustFit() throws {
        let objectness = try TorchTensor([Float(0), 0], [1, 2])
        let deltas = try TorchTensor([Float](repeating: 0, count: 4), [1, 1, 4])
        #expect(throws: LTError.self) {
            try ProposalSelection()(
                objectness: [objectness], deltas: [deltas], anchors: [[Box(x1: 0, y1: 0, x2: 1, y2: 1)]],
                pictures: [(8, 8)])
        }
        #expect(throws: LTError.self) {
            try ProposalSelection()(objectness: [objectness], deltas: [], anchors: [], pictures: [(8, 8)])
        }
    }
}
