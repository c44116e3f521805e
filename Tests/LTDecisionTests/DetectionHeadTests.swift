// DetectionHead: which output is what, what becomes of each kind of outputs, and what is refused.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage
import Testing

typealias Post = DecisionLayer.Postprocess

private func graph(_ outputs: [(String, ElementType, [LTGraph.Dimension])]) -> Graph {
    var graph = Graph()
    graph.outputs = outputs.map { ValueInfo($0.0, $0.1, $0.2) }
    return graph
}

/// Outputs as torchvision's exporter leaves them: numbers as names.
private let torchvision = graph([
    ("2839", .float32, ["K", 4]), ("2811", .int64, ["K"]), ("2812", .float32, ["K"]),
    ("2867", .float32, ["K", 1, 28, 28]),
])

private func layer(_ classes: Int = 2, change: (inout DecisionLayer) -> Void = { _ in }) -> DecisionLayer {
    var layer = DecisionLayer(
        task: .detection, labels: (0..<classes).map { .init(id: 10 * $0 + 7, name: "class \($0)") },
        postprocess: Post())
    change(&layer)
    return layer
}

private func layer(
    _ classes: Int = 2, post: (inout Post) -> Void, change: (inout DecisionLayer) -> Void = { _ in }
) -> DecisionLayer {
    layer(classes) { layer in
        var said = Post()
        post(&said)
        layer.postprocess = said
        change(&layer)
    }
}

private func hint(_ graph: Graph, _ layer: DecisionLayer) -> String {
    do throws(LTError) {
        _ = try DetectionHead(graph, layer)
        return ""
    } catch { return error.hint ?? "\(error)" }
}

private let square = ImageGeometry.identity(width: 100, height: 80)

@Suite struct DetectionHeadRoleTests {
    @Test func rolesAreFoundByTypeAndShape() throws {
        let head = try DetectionHead(torchvision, layer())
        #expect(head.outputs == [.boxes: "2839", .labels: "2811", .scores: "2812", .masks: "2867"])
        #expect(head.isFinal && head.boxFormat == .xyxy && head.boxUnit == .pixels && head.isBatched == false)
        #expect(head.activation == DecisionLayer.Activation.none && head.categoryCount == 2)
        let retina = graph([("a", .float32, ["K", 4]), ("b", .float32, ["K"]), ("c", .int64, ["K"])])
        #expect(try DetectionHead(retina, layer()).outputs == [.boxes: "a", .scores: "b", .labels: "c"])
    }

    @Test func rolesAreFoundByName() throws {
        let detr = graph([("logits", .float32, ["N", 100, 3]), ("pred_boxes", .float32, ["N", 100, 4])])
        let said = layer { layer in
            layer.activation = .softmax
            layer.postprocess?.boxFormat = .cxcywh
            layer.postprocess?.boxUnit = .relative
            layer.postprocess?.background = .last
        }
        #expect(try DetectionHead(detr, said).outputs == [.scores: "logits", .boxes: "pred_boxes"])
        let tensorRT = graph([
            ("num_dets", .int32, ["N", 1]), ("det_boxes", .float32, ["N", 100, 4]),
            ("det_scores", .float32, ["N", 100]),
            ("det_classes", .int32, ["N", 100]),
        ])
        #expect(
            try DetectionHead(tensorRT, layer()).outputs
                == [.count: "num_dets", .boxes: "det_boxes", .scores: "det_scores", .labels: "det_classes"])
    }

    @Test func whatNobodySaysIsAnErrorThatNamesTheFlag() throws {
        let candidates = graph([("scores", .float32, ["N", 50, 2]), ("boxes", .float32, ["N", 50, 4])])
        #expect(hint(candidates, layer()).hasPrefix("give --box-format"))
        #expect(hint(candidates, layer(post: { $0.boxFormat = .xyxy })).hasPrefix("give --box-unit"))
        let full = { (post: inout Post) in (post.boxFormat, post.boxUnit) = (.xyxy, .pixels) }
        #expect(hint(candidates, layer(post: full)) == "give --activation")
        let sigmoid = { (layer: inout DecisionLayer) in layer.activation = .sigmoid }
        #expect(hint(candidates, layer(1, post: full, change: sigmoid)) == "give --background first or last")
        #expect(hint(candidates, layer(5, post: full, change: sigmoid)).contains("--labels"))
        let twins = graph([("a", .float32, ["N", 50, 4]), ("b", .float32, ["N", 50, 4])])
        #expect(hint(twins, layer()).hasPrefix("give --outputs boxes=NAME"))
        #expect(hint(torchvision, layer(post: { $0.outputs = [.boxes: "x"] })).contains("no output 'x'"))
        #expect(hint(torchvision, layer { $0.activation = .softmax }).contains("softmax"))
        let table = graph([("output0", .float32, ["N", 6, 8400])])
        #expect(hint(table, layer()).contains("--packed"))
        #expect(hint(table, layer { $0.labels = nil }).contains("--labels"))
        let bare = graph([("a", .float32, ["K", 4]), ("b", .float32, ["K"]), ("c", .int64, ["K"])])
        #expect(hint(bare, layer { $0.task = .segmentation }).contains("--outputs masks=NAME"))
    }

    @Test func columnsOfAPackedOutputAreCounted() throws {
        func packed(_ dims: [LTGraph.Dimension], classes: Int, prototypes: Int? = nil) throws -> [DetectionHead.Role] {
            var outputs: [(String, ElementType, [LTGraph.Dimension])] = [("output0", .float32, dims)]
            if let prototypes { outputs.append(("output1", .float32, [1, .fixed(prototypes), 160, 160])) }
            return try DetectionHead(
                graph(outputs),
                layer(classes) { layer in
                    layer.activation = DecisionLayer.Activation.none
                    layer.postprocess?.boxFormat = .cxcywh
                    layer.postprocess?.boxUnit = .pixels
                }
            ).packed
        }
        #expect(try packed([1, 84, 8400], classes: 80) == [.boxes, .scores])
        #expect(try packed([1, 25200, 85], classes: 80) == [.boxes, .objectness, .scores])
        #expect(try packed([1, 300, 6], classes: 80) == [.boxes, .scores, .labels])
        #expect(try packed([1, 116, 8400], classes: 80, prototypes: 32) == [.boxes, .scores, .coefficients])
        #expect(try packed([1, 300, 38], classes: 80, prototypes: 32) == [.boxes, .scores, .labels, .coefficients])
    }

    @Test func theJSONSaysEverythingAndRefusesTheRest() throws {
        var graph = Graph()
        var said = layer()
        said.postprocess?.outputs = [.boxes: "b", .packed: "p"]
        said.postprocess?.packed = [.boxes, .scores]
        said.postprocess?.boxFormat = .xywh
        said.postprocess?.boxUnit = .relative
        said.postprocess?.nmsClasses = .all
        said.postprocess?.maxCandidates = 7
        said.postprocess?.classesPerBox = .best
        said.postprocess?.labelValues = .index
        said.postprocess?.background = .first
        said.postprocess?.maskFrame = .box
        said.postprocess?.maskThreshold = 0.25
        try said.write(into: &graph)
        #expect(try DecisionLayer(reading: graph) == said)
        for (text, words) in [
            (#"{"nms_iuo":0.5}"#, "nms_iuo"), (#"{"outputs":{"box":"b"}}"#, "box"),
            (#"{"packed":["boxes"]}"#, "packed"),
            (#"{"box_format":"yxyx"}"#, "box_format"), (#"{"max_candidates":0}"#, "max_candidates"),
        ] {
            graph.metadata["lt.postprocess"] = text
            do throws(LTError) {
                _ = try DecisionLayer(reading: graph)
                Issue.record("\(text) was read")
            } catch { #expect("\(error)".contains(words), "\(error)") }
        }
    }
}

@Suite struct DetectionReadingTests {
    @Test func aModelThatHasChosenIsTakenAtItsWord() throws {
        let head = try DetectionHead(torchvision, layer(post: { $0.scoreThreshold = 0.25 }))
        let tensors: [String: Tensor] = [
            "2839": try Tensor(
                [1, 2, 31, 42, -5, 60, 250, 90, 10, 10, 20, 20, 3, 3, 3, 9, .nan, 0, 9, 9] as [Float], [5, 4]),
            "2811": try Tensor([17, 7, 7, 17, 7] as [Int64]),
            "2812": try Tensor([0.5, 0.75, 0.125, 0.9, 0.8] as [Float]),
            "2867": try Tensor([Float](repeating: 1, count: 5 * 28 * 28), [5, 1, 28, 28]),
        ]
        let found = try head.detections(tensors, geometry: square)
        // Best first; the third is below the threshold, the fourth has no area, the fifth no place.
        #expect(found.map(\.score) == [0.75, 0.5] && found.map(\.category) == [0, 1])
        #expect(found[0].box == Box(x1: 0, y1: 60, x2: 100, y2: 80))
        #expect(found[1].box == Box(x1: 1, y1: 2, x2: 31, y2: 42))
        let mask = try #require(found[1].mask)
        #expect(mask.width == 100 && mask.height == 80 && abs(mask.area - 1200) < 100)
        #expect(try head.unlimited.detections(tensors, geometry: square).count == 3)
        var few = head
        few.maxDetections = 1
        #expect(try few.detections(tensors, geometry: square) == [found[0]])
    }

    @Test func labelsAreIdsOrPositions() throws {
        let outputs = graph([("boxes", .float32, ["K", 4]), ("scores", .float32, ["K"]), ("labels", .int64, ["K"])])
        func categories(
            _ labels: [Int64], _ post: (inout Post) -> Void = { _ in }, named: Bool = true
        ) throws -> [Int]? {
            let head = try DetectionHead(outputs, layer(3, post: post) { if !named { $0.labels = nil } })
            let count = labels.count
            let tensors: [String: Tensor] = [
                "boxes": try Tensor((0..<count).flatMap { _ in [1, 1, 9, 9] as [Float] }, [count, 4]),
                "scores": try Tensor([Float](repeating: 0.5, count: count)), "labels": try Tensor(labels),
            ]
            return try? head.detections(tensors, geometry: square).map(\.category)
        }
        #expect(try categories([27, 7, 17]) == [2, 0, 1])
        #expect(try categories([27, 0]) == nil)
        #expect(try categories([27, 0], { $0.background = .first }) == [2])
        let index = { (post: inout Post) in post.labelValues = .index }
        #expect(try categories([0, 2], index) == [0, 2])
        #expect(try categories([3], index) == nil && categories([-1], index) == nil)
        #expect(try categories([3, 0, 1], { ($0.labelValues, $0.background) = (.index, .first) }) == [2, 0])
        #expect(try categories([3, 0], { ($0.labelValues, $0.background) = (.index, .last) }) == [0])
        #expect(try categories([90, 0], named: false) == [90, 0])
        #expect(try categories([.max], named: false) == nil)
    }

    /// Two images, candidates with scores per class, suppression here.
    @Test func candidatesAreSuppressed() throws {
        let outputs = graph([("boxes", .float32, ["N", 4, 4]), ("scores", .float32, ["N", 4, 2])])
        var said = layer { layer in
            layer.activation = .sigmoid
            layer.postprocess?.boxFormat = .cxcywh
            layer.postprocess?.boxUnit = .relative
            layer.postprocess?.nmsIoU = 0.5
            layer.postprocess?.scoreThreshold = 0.3
        }
        let boxes: [Float] = [
            0.5, 0.5, 0.2, 0.5, 0.5, 0.5, 0.2, 0.5, 0.25, 0.25, 0.5, 0.5, 0.9, 0.9, 0.1, 0.1,
        ]
        let scores: [Float] = [2, -9, 3, -0.5, -9, 0, -5, -5]
        let tensors = [
            "boxes": try Tensor(boxes + boxes, [2, 4, 4]),
            "scores": try Tensor(scores + scores.map { -$0 }, [2, 4, 2]),
        ]
        func found(_ image: Int) throws -> [Detection] {
            try DetectionHead(outputs, said).detections(tensors, image: image, of: 2, geometry: square)
        }
        let first = try found(0)
        #expect(first.map(\.category) == [0, 1, 1])
        #expect(first.map { $0.score } == [3, 0, -0.5].map { Decider.sigmoid($0) })
        #expect(
            first[0].box == Box(x1: 40, y1: 20, x2: 60, y2: 60) && first[1].box == Box(x1: 0, y1: 0, x2: 50, y2: 40))
        #expect(try found(1).map(\.category) == [1, 0, 0, 1, 1])
        said.postprocess?.nmsClasses = .all
        #expect(try found(0).map(\.category) == [0, 1])
        said.postprocess?.nmsIoU = nil
        #expect(try found(0).map(\.category) == [0, 0, 1, 1])
        said.postprocess?.classesPerBox = .best
        #expect(try found(0).map(\.category) == [0, 0, 1])
        said.postprocess?.maxCandidates = 2
        #expect(try found(0).map(\.category) == [0, 0])
        // Calibration goes by the log-odds of the score.
        said.postprocess?.maxCandidates = nil
        said.calibration = Calibration(.platt(a: [-1, -1], b: [4, -1]))
        let calibrated = try found(0)
        #expect(calibrated.map(\.category) == [1, 1] && abs(calibrated[0].score - 0.5) < 1e-6)
        let decisions = try DetectionDecider(said).decide(calibrated)
        #expect(abs(decisions[0].score - Decider.sigmoid(1)) < 1e-6)
    }

    @Test func softmaxLeavesTheBackgroundOut() throws {
        let outputs = graph([("logits", .float32, [1, 2, 3]), ("boxes", .float32, [1, 2, 4])])
        var said = layer { layer in
            layer.activation = .softmax
            layer.postprocess?.boxFormat = .xywh
            layer.postprocess?.boxUnit = .pixels
            layer.postprocess?.background = .last
            layer.postprocess?.scoreThreshold = 0.2
        }
        let tensors = [
            "logits": try Tensor([0, log(2), 0, 0, 0, log(8)] as [Float], [1, 2, 3]),
            "boxes": try Tensor([1, 2, 3, 4, 5, 6, 7, 8] as [Float], [1, 2, 4]),
        ]
        let last = try DetectionHead(outputs, said).detections(tensors, geometry: square)
        #expect(last.map(\.category) == [1, 0] && abs(last[0].score - 0.5) < 1e-6 && abs(last[1].score - 0.25) < 1e-6)
        #expect(last[0].box == Box(x1: 1, y1: 2, x2: 4, y2: 6))
        said.postprocess?.background = .first
        let first = try DetectionHead(outputs, said).detections(tensors, geometry: square)
        #expect(first.map(\.category) == [1, 0, 1] && abs(first[0].score - 0.8) < 1e-6)
    }

    @Test(arguments: [true, false]) func packedOutputsAreReadInEitherOrder(isTransposed: Bool) throws {
        let rows: [[Float]] = [[50, 40, 20, 10, 0.5, 0.9, 0.2], [10, 10, 4, 4, 1, 0.1, 0.8], [0, 0, 1, 1, 0, 1, 1]]
        let dims: [LTGraph.Dimension] = isTransposed ? [1, 7, 3] : [1, 3, 7]
        let said = layer { layer in
            layer.activation = DecisionLayer.Activation.none
            layer.postprocess?.boxFormat = .cxcywh
            layer.postprocess?.boxUnit = .pixels
            layer.postprocess?.scoreThreshold = 0.15
        }
        let head = try DetectionHead(graph([("output0", .float32, dims)]), said)
        #expect(head.packed == [.boxes, .objectness, .scores])
        let values = isTransposed ? (0..<7).flatMap { column in rows.map { $0[column] } } : rows.flatMap { $0 }
        let tensor = try Tensor(values, isTransposed ? [1, 7, 3] : [1, 3, 7])
        let found = try head.detections(["output0": tensor], geometry: square)
        #expect(found.map(\.category) == [1, 0] && found.map(\.score) == [0.8, 0.45])
        #expect(found[1].box == Box(x1: 40, y1: 35, x2: 60, y2: 45))
    }

    @Test func prototypesMakeMasks() throws {
        let said = layer(1) { layer in
            layer.activation = DecisionLayer.Activation.none
            layer.postprocess?.boxFormat = .xyxy
            layer.postprocess?.boxUnit = .pixels
            layer.postprocess?.packed = [.boxes, .scores, .coefficients]
        }
        let head = try DetectionHead(
            graph([("output0", .float32, [1, 7, "K"]), ("output1", .float32, [1, 2, 8, 8])]), said)
        #expect(head.outputs == [.packed: "output0", .prototypes: "output1"])
        // The first prototype is positive in the left half, the second everywhere.
        let left = (0..<64).map { $0 % 8 < 4 ? Float(1) : -1 }
        let prototypes = try Tensor(left + [Float](repeating: 1, count: 64), [1, 2, 8, 8])
        let table = try Tensor(
            [4, 4, 28, 20, 0.9, 3, 0, 4, 4, 28, 20, 0.8, 0, 2, 4, 4, 28, 20, 0.7, -1, 0] as [Float], [1, 3, 7])
        let geometry = ImageGeometry.identity(width: 32, height: 32)
        let found = try head.detections(["output0": table, "output1": prototypes], geometry: geometry)
        #expect(found.map { $0.mask?.area ?? -1 } == [12 * 16, 24 * 16, 12 * 16])
    }

    @Test func geometryLeadsBackToTheOriginal() throws {
        // 200 × 80 letterboxed into 100 × 100: half the size, 30 rows of padding above and below.
        let preprocess = Preprocess(resize: .init(mode: .letterbox, size: .init(100), kernel: .pilBilinear))
        let geometry = try preprocess.geometry(width: 200, height: 80)
        let outputs = graph([
            ("boxes", .float32, ["K", 4]), ("scores", .float32, ["K"]), ("labels", .int64, ["K"]),
            ("masks", .float32, ["K", 1, "H", "W"]),
        ])
        var mask = [Float](repeating: 0, count: 100 * 100)
        for y in 40..<60 { for x in 20..<50 { mask[y * 100 + x] = 1 } }
        let tensors: [String: Tensor] = [
            "boxes": try Tensor([20, 40, 50, 60, 0, 0, 100, 30, 90, 20, 120, 90] as [Float], [3, 4]),
            "scores": try Tensor([0.9, 0.8, 0.7] as [Float]), "labels": try Tensor([7, 7, 7] as [Int64]),
            "masks": try Tensor(mask + mask + mask, [3, 1, 100, 100]),
        ]
        let found = try DetectionHead(outputs, layer()).detections(tensors, geometry: geometry)
        // The second box lies in the padding.
        #expect(found.count == 2)
        #expect(found[0].box == Box(x1: 40, y1: 20, x2: 100, y2: 60))
        #expect(found[1].box == Box(x1: 180, y1: 0, x2: 200, y2: 80))
        let restored = try #require(found[0].mask)
        #expect(restored.width == 200 && restored.height == 80)
        var runs = [UInt32](repeating: 40, count: 2 * 60 + 1)
        runs[0] = 40 * 80 + 20
        runs[120] = 20 + 100 * 80
        let exact = try RunLengthMask(width: 200, height: 80, runs: runs)
        #expect(restored.iou(exact) > 0.99)
        // The tensor is the image: the mask is what the model says, bit for bit.
        let same = try DetectionHead(outputs, layer()).detections(
            tensors, geometry: .identity(width: 100, height: 100))
        #expect(same[0].mask?.area == 600)
    }

    @Test func masksArePastedAsTorchvisionDoes() throws {
        for wanted in try DetectionFixture.read().paste {
            let head = try DetectionHead(torchvision, layer())
            let tensors: [String: Tensor] = [
                "2839": try Tensor(wanted.box, [1, 4]), "2811": try Tensor([7] as [Int64]),
                "2812": try Tensor([1] as [Float]),
                "2867": try Tensor(wanted.values, [1, 1, wanted.side, wanted.side]),
            ]
            let geometry = ImageGeometry.identity(width: wanted.width, height: wanted.height)
            let expected = try RunLengthMask(
                width: wanted.width, height: wanted.height, compressed: wanted.compressed)
            let found = try head.detections(tensors, geometry: geometry)
            // A box outside the image shows nothing.
            if wanted.box[0] >= Float(wanted.width) {
                #expect(found.isEmpty && expected.area == 0)
            } else {
                #expect(found.first?.mask == expected)
            }
        }
    }

    @Test func wrongOutputsAreErrors() throws {
        let head = try DetectionHead(torchvision, layer())
        let good: [String: Tensor] = [
            "2839": try Tensor([1, 2, 31, 42, 5, 6, 25, 9] as [Float], [2, 4]), "2811": try Tensor([17, 7] as [Int64]),
            "2812": try Tensor([0.5, 0.75] as [Float]),
            "2867": try Tensor([Float](repeating: 1, count: 8), [2, 1, 2, 2]),
        ]
        #expect(try head.detections(good, geometry: square).count == 2)
        func code(_ name: String, _ tensor: Tensor?) -> LTError.Code? {
            var tensors = good
            tensors[name] = tensor
            do throws(LTError) { _ = try head.detections(tensors, geometry: square) } catch { return error.code }
            return nil
        }
        #expect(code("2839", nil) == .notFound)
        #expect(code("2839", try Tensor([1, 2, 3] as [Float])) == .shapeMismatch)
        #expect(code("2839", try Tensor([Float](repeating: 0, count: 12), [4, 3])) == .shapeMismatch)
        #expect(code("2839", try Tensor([Int64](repeating: 0, count: 8), [2, 4])) == .typeMismatch)
        #expect(code("2812", try Tensor([0.5] as [Float])) == .shapeMismatch)
        #expect(code("2811", try Tensor([1, 2, 3] as [Int64])) == .shapeMismatch)
        #expect(code("2811", try Tensor([17, 7] as [Int32])) == nil)
        #expect(code("2811", try Tensor([17, 7] as [UInt8])) == .typeMismatch)
        #expect(code("2811", try Tensor([17, 7.5] as [Float])) == .notFound)
        #expect(code("2867", try Tensor([Float](repeating: 1, count: 8), [1, 2, 2, 2])) == .shapeMismatch)
        #expect(code("2867", try Tensor([Double](repeating: 1, count: 8), [2, 1, 2, 2])) == .typeMismatch)
        #expect(code("2867", try Tensor([Bool](repeating: true, count: 8), [2, 1, 2, 2])) == nil)
        #expect(code("2867", try Tensor([Float](), [2, 1, 0, 2])) == nil)
        do throws(LTError) {
            _ = try head.detections(good, image: 1, of: 2, geometry: square)
            Issue.record("two images from outputs for one")
        } catch { #expect(error.hint == "give --batch 1") }
    }

    @Test func anyNumbersAreDetectionsOrErrors() throws {
        var generator = SeededGenerator(seed: 77)
        let wild: [Float] = [.nan, .infinity, -.infinity, 1e30, -1e30, 0, -0.0, 1, 50, 0x1p-149, 3e38]
        let outputs = graph([
            ("boxes", .float32, ["N", "K", 4]), ("scores", .float32, ["N", "K", 2]),
            ("masks", .float32, ["N", "K", "h", "w"]),
        ])
        for round in 0..<300 {
            let said = layer { layer in
                layer.activation = [.sigmoid, .softmax, DecisionLayer.Activation.none][round % 3]
                layer.postprocess?.boxFormat = Post.BoxFormat.allCases[generator.below(3)]
                layer.postprocess?.boxUnit = Post.BoxUnit.allCases[generator.below(2)]
                layer.postprocess?.nmsIoU = Float(generator.below(3)) / 2
                layer.postprocess?.maskFrame = [nil, .box, .image][generator.below(3)]
                layer.postprocess?.maxCandidates = 1 + generator.below(5)
            }
            func numbers(_ dims: [Int]) throws -> Tensor {
                try Tensor(
                    (0..<dims.reduce(1, *)).map { _ in
                        generator.below(3) == 0
                            ? wild[generator.below(wild.count)] : Float(generator.uniform(-20...120))
                    }, dims)
            }
            let count = generator.below(9)
            let tensors = [
                "boxes": try numbers([2, count, 4]), "scores": try numbers([2, count, 2]),
                "masks": try numbers([2, count, 3, 5]),
            ]
            let geometry = try Preprocess(resize: .init(mode: .letterbox, size: .init(40), kernel: .pilBilinear))
                .geometry(width: 1 + generator.below(60), height: 1 + generator.below(60))
            let found = try DetectionHead(outputs, said).detections(tensors, image: 1, of: 2, geometry: geometry)
            for detection in found {
                #expect(detection.box.isFinite && detection.box.area > 0)
                #expect(detection.mask?.width == geometry.originalWidth)
            }
        }
    }
}
