// Predictor with detectors: images of their own size, one at a time or in batches, boxes back in the original's pixels.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage
import LTPredictor
import LTRuntime
import Testing

/// A detector as torchvision's are: one image [3,H,W] of any size in, objects out. The boxes are fixed parts of the
/// image, the scores fixed shares of its mean.
func chosenModel(metadata: Bool = true) throws -> Graph {
    var builder = GraphBuilder(name: "detector")
    let x = builder.input("image", .float32, [3, "H", "W"])
    let shape = builder.node("Shape", [x])
    let order = builder.initializer("order", try Tensor([2, 1, 2, 1] as [Int64]))
    let size = builder.node(
        "Cast", [builder.node("Gather", [shape, order])], attributes: ["to": .int(Int64(ElementType.float32.rawValue))])
    let parts = builder.initializer(
        "parts", try Tensor([0.25, 0.5, 0.75, 1, 0, 0, 0.5, 0.25, 0, 0, 1, 1] as [Float], [3, 4]))
    builder.output(builder.node("Mul", [parts, size]), as: "boxes", .float32, ["K", 4])
    let labels = builder.initializer("classes", try Tensor([2, 1, 2] as [Int64]))
    builder.output(labels, as: "labels", .int64, ["K"])
    let shares = builder.initializer("shares", try Tensor([0.5, 1, 0.25] as [Float]))
    let mean = builder.node("ReduceMean", [x], attributes: ["keepdims": .int(0)])
    builder.output(builder.node("Mul", [shares, mean]), as: "scores", .float32, ["K"])
    let ones = builder.initializer("ones", try Tensor([Float](repeating: 1, count: 3 * 49), [3, 1, 7, 7]))
    builder.output(ones, as: "masks", .float32, ["K", 1, 7, 7])
    var graph = builder.graph
    if metadata {
        try DecisionLayer(
            task: .detection, preprocess: Preprocess(),
            labels: [.init(id: 1, name: "left"), .init(id: 2, name: "right")]
        ).write(into: &graph)
    }
    return graph
}

/// A detector that gives every candidate a score per class: three boxes of [N,3,16,16], the first two the same.
func candidateModel(batch: LTGraph.Dimension = "N") throws -> Graph {
    var builder = GraphBuilder(name: "candidates")
    let x = builder.input("image", .float32, [batch, 3, 16, 16])
    let mean = builder.node("ReduceMean", [x], attributes: ["axes": .ints([1, 2, 3])])
    let flat = builder.node("Reshape", [mean, builder.initializer("shape", try Tensor([-1, 1, 1] as [Int64]))])
    let zero = builder.node("Mul", [flat, builder.initializer("zero", try Tensor([0] as [Float]))])
    let boxes = builder.initializer(
        "candidates", try Tensor([8, 8, 8, 8, 8, 8, 8, 8, 4, 8, 8, 4] as [Float], [1, 3, 4]))
    builder.output(builder.node("Add", [boxes, zero]), as: "boxes", .float32, [batch, 3, 4])
    let weights = builder.initializer("weights", try Tensor([2, -9, 1, -9, -9, 4] as [Float], [1, 3, 2]))
    builder.output(builder.node("Mul", [weights, flat]), as: "scores", .float32, [batch, 3, 2])
    var graph = builder.graph
    var post = DecisionLayer.Postprocess(scoreThreshold: 0.2, nmsIoU: 0.5)
    (post.boxFormat, post.boxUnit) = (.cxcywh, .pixels)
    try DecisionLayer(
        task: .detection, preprocess: Preprocess(resize: .init(mode: .letterbox, size: .init(16))),
        labels: [.init(id: 1, name: "left"), .init(id: 2, name: "right")], activation: .sigmoid, postprocess: post
    ).write(into: &graph)
    return graph
}

func picture(_ value: UInt8, width: Int, height: Int) throws -> Image {
    let image = try Image(width: width, height: height, channels: 3)
    image.bytes.update(repeating: value)
    return image
}

@Suite struct DetectorTests {
    @Test(arguments: ["reference", "cpu"]) func imagesKeepTheirSize(device: String) throws {
        let predictor = try makePredictor(try chosenModel(), on: try BackendTable.named(device))
        #expect(predictor.sampleShape == nil && predictor.largestBatch == 1 && predictor.columns == 2)
        let session = try predictor.makeSession()
        let sizes = [(40, 20), (7, 33), (40, 20), (64, 64)]
        let images = try sizes.map { try picture(255, width: $0.0, height: $0.1).encodedPNG() }
        let results = try session.decide(images + [Array("no image".utf8)])
        #expect(results.count == 5 && (try? results[4].get()) == nil)
        for (result, size) in zip(results, sizes) {
            let found = try #require(try result.get().detections)
            let (w, h) = (Float(size.0), Float(size.1))
            #expect(found.map(\.score) == [1, 0.5, 0.25] && found.map(\.detection.category) == [0, 1, 1])
            #expect(found[0].detection.box == Box(x1: 0, y1: 0, x2: w / 2, y2: h / 4))
            #expect(found[1].detection.box == Box(x1: w / 4, y1: h / 2, x2: w * 0.75, y2: h))
            let mask = try #require(found[2].detection.mask)
            #expect(mask.width == size.0 && mask.height == size.1 && mask.area > size.0 * size.1 * 3 / 4)
        }
        #expect(try results[0].get() == results[2].get())
    }

    @Test func boxesAreOfTheUprightImage() throws {
        // EXIF orientation 6: stored 40 × 20, upright 20 × 40.
        var bytes = try picture(255, width: 40, height: 20).encodedJPEG()
        let tiff: [UInt8] = [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]
        let body = Array("Exif\0\0".utf8) + tiff
        bytes.insert(contentsOf: [0xFF, 0xE1, 0, UInt8(body.count + 2)] + body, at: 2)
        let found = try makePredictor(try chosenModel()).makeSession().decide([bytes])[0].get().detections
        #expect(found?.last?.detection.box == Box(x1: 0, y1: 0, x2: 20, y2: 40))
        #expect(found?.last?.detection.mask?.width == 20)
    }

    @Test func resizingIsUndone() throws {
        var settings = ModelSettings()
        (settings.resize, settings.size) = (.squash, .init(height: 10, width: 80))
        let session = try makePredictor(try chosenModel(), settings: settings).makeSession()
        let found = try session.decide([try picture(255, width: 40, height: 20).encodedPNG()])[0].get().detections
        #expect(found?[1].detection.box == Box(x1: 10, y1: 10, x2: 30, y2: 20))
        #expect(found?[1].detection.mask?.height == 20)
    }

    @Test(arguments: ["N", 1, 3] as [LTGraph.Dimension]) func candidatesComeInBatches(batch: LTGraph.Dimension) throws {
        let predictor = try makePredictor(try candidateModel(batch: batch))
        let values: [UInt8] = [255, 0, 128, 200, 255]
        let images = try values.map { try picture($0, width: 32, height: 16).encodedPNG() }
        let results = try predictor.makeSession().decide(images)
        for (result, value) in zip(results, values) {
            let found = try #require(try result.get().detections)
            // The letterbox puts grey 0 above and below, half of the tensor.
            let mean = Float(value) / 255 / 2
            let scores = [4 * mean, 2 * mean, 0, 0].map { Decider.sigmoid($0) }
            if value == 0 {
                // All scores are 0.5: each class of each box, the second box suppressed by the first.
                #expect(found.map(\.detection.category) == [0, 1, 0, 1])
                continue
            }
            #expect(zip(found, scores).allSatisfy { abs($0.score - $1) < 1e-5 } && found.count == 2)
            // 32 × 16 in 16 × 16: half the size, 4 rows above.
            #expect(found[0].detection.box == Box(x1: 0, y1: 4, x2: 16, y2: 12))
            #expect(found[1].detection.box == Box(x1: 8, y1: 0, x2: 24, y2: 16))
        }
        #expect(try results[0].get() == results[4].get())
    }

    @Test func whatNobodySaysIsAnErrorThatNamesTheFlag() throws {
        let bare = try chosenModel(metadata: false)
        func hint(_ change: (inout ModelSettings) -> Void) -> String? {
            var settings = ModelSettings()
            (settings.task, settings.mean, settings.std) = (.detection, [0], [1])
            change(&settings)
            do throws(LTError) {
                _ = try makePredictor(bare, settings: settings).decider()
                return nil
            } catch { return error.hint }
        }
        #expect(hint { _ in } == "give --resize")
        #expect(hint { $0.resize = .keep } == nil)
        #expect(hint { ($0.resize, $0.task) = (.keep, .multilabel) }?.contains("--crop") == true)
        var post = DecisionLayer.Postprocess()
        post.boxUnit = .relative
        var settings = ModelSettings()
        settings.postprocess = post
        let image = try picture(255, width: 40, height: 20).encodedPNG()
        let session = try makePredictor(try chosenModel(), settings: settings).makeSession()
        // Pixels taken for shares: what lies outside the image is cut off.
        #expect(try session.decide([image])[0].get().detections?.first?.detection.box.x2 == 40)
    }

    @Test func aLabelThatIsNoClassFailsItsImage() throws {
        var settings = ModelSettings()
        settings.labels = ["zero", "one"]
        let session = try makePredictor(try chosenModel(), settings: settings).makeSession()
        let image = try picture(255, width: 40, height: 20).encodedPNG()
        #expect(throws: LTError.self) { try session.decide([image])[0].get() }
        settings.labels = ["zero", "one", "two"]
        let named = try makePredictor(try chosenModel(), settings: settings).makeSession()
        #expect(try named.decide([image])[0].get().detections?.map(\.detection.category) == [1, 2, 2])
    }

    @Test func batchesTakeWhatTheyHaveRoomFor() throws {
        let chosen = try makePredictor(try chosenModel())
        #expect(throws: LTError.self) { try SampleBatch(chosen, capacity: 2) }
        let candidates = try makePredictor(try candidateModel())
        #expect(candidates.largestBatch > 1)
        let batch = try SampleBatch(candidates, capacity: 2)
        let bytes = try picture(9, width: 4, height: 4).encodedPNG()
        try bytes.withUnsafeBytes { batch.append(try candidates.prepare($0)) }
        #expect(batch.count == 1 && !batch.isFull)
        #expect(try candidates.makeSession().predict(batch).count == 1)
        batch.removeAll()
        #expect(try candidates.makeSession().predict(batch).isEmpty)
    }
}
