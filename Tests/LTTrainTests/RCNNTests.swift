// Detectors: names, shapes and counts of torchvision's state dicts, classifier forms, initial weights, loading by both spellings,
// gradients through the parts, anchors, recipes. What exported ones detect: TrainedModelTests.

import Foundation
import LTCore
import LTGraph
import LTTrain
import Testing

@Suite struct RCNNTests {
    /// Names and shapes of torchvision's maskrcnn_resnet50_fpn (Utilities/fixtures/detectors.py).
    static func torchvision() throws -> (state: [String: [Int]], counts: [String: Int]) {
        struct Fixture: Decodable {
            var state: [String: [Int]]
            var counts: [String: Int]
        }
        let url = Fixtures.folder.deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("TrainedModelTests/Fixtures/detectors.json")
        let fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
        return (fixture.state, fixture.counts)
    }

    static func network(_ yaml: String) throws -> RCNN { try RCNN(RecipeSection(yaml: yaml)) }

    static func parts(_ yaml: String, classes: Int, draws: Bool = true) throws -> RCNN.Parts {
        var request = NetworkRequest(classes: classes, inputSize: 0, generator: SeededGenerator(seed: 3))
        request.drawsWeights = draws
        return try network(yaml).parts(&request)
    }

    /// Weights and running statistics by name.
    static func weights(_ parts: RCNN.Parts) throws -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for part in parts.all {
            let executor = try TorchExecutor(part)
            for name in executor.trainableNames + executor.statisticNames { result[name] = part.initializers[name] }
        }
        return result
    }

    static let small = "depth: 18, width: 8, fpn_channels: 8, representation: 12"

    @Test func statesAreTorchvisions() throws {
        let (state, counts) = try Self.torchvision()
        // 91 columns: background and 90 classes.
        let parts = try Self.parts("{depth: 50, mask: true}", classes: 90, draws: false)
        let weights = try Self.weights(parts)
        #expect(weights.mapValues(\.dims) == state)
        let boxes = try Self.weights(Self.parts("{depth: 50}", classes: 90, draws: false))
        #expect(boxes.mapValues(\.dims) == state.filter { !$0.key.contains("mask") })
        for (name, weights) in [("mask", weights), ("faster", boxes)] {
            #expect(weights.filter { !$0.key.contains("running") }.values.reduce(0) { $0 + $1.count } == counts[name])
        }
        for depth in [18, 101] {
            let parts = try Self.parts("{depth: \(depth)}", classes: 3, draws: false)
            let body = try Self.weights(parts).keys.filter { $0.hasPrefix("backbone.body.") }.map { $0.dropFirst(14) }
            let resnet = try TorchExecutor(NetworkTests.graph(ResNet(depth: depth)))
            let names = (resnet.trainableNames + resnet.statisticNames).filter { !$0.hasPrefix("fc.") }
            #expect(Set(body.map(String.init)) == Set(names))
        }
    }

    @Test func classifiersSayWhereBackgroundIs() throws {
        for (form, columns, regressed, bias) in [
            ("softmax", 6, 6, 0.0), ("eql", 5, 5, -6.906755), ("bacl", 6, 5, -6.906755),
        ] {
            let parts = try Self.parts("{\(Self.small), classifier: \(form), mask: true}", classes: 5)
            let weights = try Self.weights(parts)
            let predictor = "roi_heads.box_predictor"
            #expect(weights["\(predictor).cls_score.weight"]?.dims == [columns, 12])
            #expect(weights["\(predictor).bbox_pred.weight"]?.dims == [4 * regressed, 12])
            #expect(
                weights["roi_heads.mask_predictor.mask_fcn_logits.weight"]?.dims == [regressed, 8, 1, 1])
            let biases = try #require(weights["\(predictor).cls_score.bias"]).array(of: Float.self)
            #expect(biases.allSatisfy { abs(Double($0) - bias) < 1e-5 }, "\(biases)")
        }
        let places = RCNN.Classifier.allCases.map { [$0.firstColumn, $0.columns(5), $0.regressed(5)] }
        #expect(places == [[1, 6, 6], [0, 5, 5], [0, 6, 5]])
    }

    @Test func initialDeviations() throws {
        let parts = try Self.parts(
            "{depth: 18, width: 8, fpn_channels: 64, representation: 128, mask: true}", classes: 40)
        let weights = try Self.weights(parts)
        func deviation(_ name: String) throws -> Double {
            let values = try #require(weights[name]).array(of: Float.self).map(Double.init)
            return (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
        }
        for (name, expected) in [
            ("rpn.head.conv.0.0", 0.01), ("roi_heads.box_predictor.cls_score", 0.01),
            ("roi_heads.box_predictor.bbox_pred", 0.001), ("roi_heads.mask_predictor.mask_fcn_logits", 0.001),
            // Uniform in ±√(3 / n): deviation 1 / √n.
            ("backbone.fpn.layer_blocks.0.0", 1 / 24), ("roi_heads.box_head.fc7", 1 / 128.0.squareRoot()),
            // √(2 / (64 · 9))
            ("roi_heads.mask_head.2.0", 1 / 288.0.squareRoot()),
        ] {
            #expect(abs(try deviation("\(name).weight") / expected - 1) < 0.06, "\(name)")
        }
        #expect(try deviation("rpn.head.conv.0.0.bias") == 0)
    }

    /// What torchvision wrote before 0.13, and a classifier's names for the body.
    @Test func weightsLoadByBothSpellings() throws {
        let source = try Self.parts("{\(Self.small), mask: true}", classes: 4)
        let folder = URL(fileURLWithPath: Fixtures.temporary())
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let weights = try Self.weights(source)
        func write(_ name: String, _ rename: (String) -> String?) throws -> WeightFile {
            var builder = GraphBuilder(name: "weights")
            for (name, tensor) in weights {
                guard let name = rename(name) else { continue }
                builder.output(
                    builder.initializer(name, tensor), as: "\(name)/", .float32, tensor.dims.map { .fixed($0) })
            }
            let path = folder.appendingPathComponent("\(name).onnx").path
            try builder.graph.write(to: path)
            return try WeightFile.read(path)
        }
        func check(_ parts: RCNN.Parts, _ isLoaded: (String) -> Bool) throws {
            for (name, tensor) in try Self.weights(parts) where isLoaded(name) {
                #expect(try tensor.array(of: Float.self) == weights[name]?.array(of: Float.self), "\(name)")
            }
        }
        var fresh = try Self.parts("{\(Self.small), mask: true}", classes: 4, draws: false)
        let new = try write("new") { $0 }
        #expect(try fresh.load(new, Recipe.Start(path: new.path)).isEmpty)
        try check(fresh) { _ in true }

        fresh = try Self.parts("{\(Self.small), mask: true}", classes: 4, draws: false)
        let old = try write("old") { name in
            var name = name
            if name.contains("fpn") { name.replace(".0.weight", with: ".weight") }
            if name.contains("fpn") { name.replace(".0.bias", with: ".bias") }
            name.replace("rpn.head.conv.0.0", with: "rpn.head.conv")
            for index in 0..<4 { name.replace("mask_head.\(index).0", with: "mask_head.mask_fcn\(index + 1)") }
            return name
        }
        #expect(old.entries["backbone.fpn.inner_blocks.2.weight"] != nil)
        #expect(old.entries["roi_heads.mask_head.mask_fcn4.bias"] != nil && old.entries["rpn.head.conv.bias"] != nil)
        #expect(try fresh.load(old, Recipe.Start(path: old.path)).isEmpty)
        try check(fresh) { _ in true }

        fresh = try Self.parts("{\(Self.small), mask: true}", classes: 4, draws: false)
        let body = try write("body") { $0.hasPrefix("backbone.body.") ? String($0.dropFirst(14)) : nil }
        #expect(try fresh.load(body, Recipe.Start(path: body.path, into: "backbone.body.")).isEmpty)
        try check(fresh) { $0.hasPrefix("backbone.body.") }
        #expect(throws: LTError.self) { try fresh.load(body, Recipe.Start(path: body.path, into: "body.")) }
        let error = #expect(throws: LTError.self) { try fresh.load(body, Recipe.Start(path: body.path)) }
        #expect(error?.description.contains("it lacks") == true && error?.hint?.contains("init.into") == true)
    }

    /// Every weight gets a gradient, through all parts at once; batches of two.
    @Test(arguments: ["softmax", "bacl"]) func partsTrain(_ form: String) throws {
        let predictor = form == "bacl" ? "normalised" : "linear"
        let parts = try Self.parts(
            "{\(Self.small), classifier: \(form), mask: true, mask_predictor: \(predictor)}", classes: 3)
        let executors = try parts.all.map { part in
            let executor = try TorchExecutor(part, features: part.name == "box_head" ? "features" : nil)
            for name in executor.trainableNames { try executor.initializers[name]?.setRequiresGrad(true) }
            return executor
        }
        var generator = SeededGenerator(seed: 4)
        func normal(_ dims: [Int]) throws -> TorchTensor {
            try TorchTensor((0..<dims.reduce(1, *)).map { _ in Float(generator.normal()) }, dims)
        }
        let mode = TorchMode(training: true, frozenBatchNorm: true)
        let images = try normal([2, 3, 64, 96])
        let maps = try executors[0].run(["images": images], mode: mode)
        #expect(maps["p2"]?.dims == [2, 8, 16, 24] && maps["p6"]?.dims == [2, 8, 1, 2])
        #expect(maps["objectness.p3"]?.dims == [2, 8 * 12 * 3] && maps["deltas.p3"]?.dims == [2, 8 * 12 * 3, 4])
        // Regions of the right sizes, cut without RoIAlign.
        var builder = GraphBuilder(name: "cut")
        let map = builder.input("p2", .float32, ["N", 8, 16, 24])
        let (start, end) = (
            builder.initializer("start", try Tensor([Int64(0), 0])),
            builder.initializer("end", try Tensor([Int64(14), 14]))
        )
        let axes = builder.initializer("axes", try Tensor([Int64(2), 3]))
        let tallRegion = builder.node("Slice", [map, start, end, axes])
        let lowRegion = builder.node(
            "AveragePool", [tallRegion], attributes: ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
        builder.output(tallRegion, as: "tall", .float32, ["N", 8, 14, 14])
        builder.output(lowRegion, as: "low", .float32, ["N", 8, 7, 7])
        let cut = try TorchExecutor(builder.graph).run(["p2": #require(maps["p2"])], mode: mode)
        let (tall, low) = (try #require(cut["tall"]), try #require(cut["low"]))
        let boxes = try executors[1].run(["regions": low], mode: mode)
        #expect(boxes["class_logits"]?.dims == [2, 4] && boxes["features"]?.dims == [2, 12])
        #expect(boxes["box_deltas"]?.dims == [2, form == "bacl" ? 3 : 4, 4])
        let masks = try executors[2].run(["regions": tall, "labels": TorchTensor([Int64(2), 0], [2])], mode: mode)
        #expect(masks["mask_logits"]?.dims == [2, 28, 28])
        var losses: [TorchTensor] = []
        for value in Array(maps.values) + Array(boxes.values) + Array(masks.values) {
            losses.append(try (value * value).sum())
        }
        let first = try #require(losses.first)
        try losses.dropFirst().reduce(first) { try $0 + $1 }.backward()
        for executor in executors {
            for name in executor.trainableNames {
                let gradient = try #require(try executor.initializers[name]?.grad(), "\(name)")
                #expect(try (gradient * gradient).sum().item().isFinite, "\(name)")
            }
        }
        // What losses on features need: the last layers alone.
        let features = try #require(boxes["features"])
        let again = try executors[1].classify(features, mode: mode)
        #expect(try again.array(of: Float.self) == boxes["class_logits"]?.array(of: Float.self))
    }

    @Test func anchorsOfBothConventions() throws {
        for (convention, first, distance) in [
            ("torchvision", [Float(-23), -11, 23, 11], Float(80)),
            ("detectron", [-22.627417, -11.313708, 22.627417, 11.313708], 64),
        ] {
            let network = try Self.network("{\(Self.small), convention: \(convention)}")
            let executor = try TorchExecutor(network.anchorGraph())
            var inputs = ["images": try TorchTensor([Float](repeating: 0, count: 3 * 96 * 160), [1, 3, 96, 160])]
            for (level, (h, w)) in zip(RCNN.levels, [(24, 40), (12, 20), (6, 10), (3, 5), (2, 3)]) {
                inputs[level] = try TorchTensor([Float](repeating: 0, count: 8 * h * w), [1, 8, h, w])
            }
            let anchors = try executor.run(inputs, mode: .inference)
            #expect(anchors["anchors.p2"]?.dims == [24 * 40 * 3, 4])
            let p2 = try #require(anchors["anchors.p2"]).array(of: Float.self)
            #expect(zip(p2, first).allSatisfy { abs($0 - $1) < 1e-5 }, "\(p2.prefix(4))")
            // One place to the right, then one row down.
            #expect(
                zip(p2[12...], [first[0] + 4, first[1], first[2] + 4, first[3]]).allSatisfy { abs($0 - $1) < 1e-5 })
            #expect(abs(p2[4 * 3 * 40 + 1] - first[1] - 4) < 1e-5)
            // Five elements of 32 pixels become three: torchvision's distance is ⌊160 / 3⌋, across rows ⌊96 / 2⌋.
            let p6 = try #require(anchors["anchors.p6"]).array(of: Float.self)
            #expect(p6[12] - p6[0] == (convention == "torchvision" ? 53 : distance))
            #expect(p6[4 * 3 * 3 + 1] - p6[1] == (convention == "torchvision" ? 48 : distance))
        }
    }

    @Test func recipes() throws {
        let whole = try Recipe(
            yaml: """
                train: {path: a}
                network: {name: rcnn, depth: 50, stride_in_1x1: true, classifier: eql, convention: detectron, mask: true}
                init: {from: a.pth, into: backbone.body.}
                sampler: {name: uniform}
                loss: {name: bce}
                optimizer: {name: sgd, lr: 0.1}
                epochs: 1
                batch: 1
                input: {min_size: 32, max_size: 64}
                """)
        let network = try #require(whole.network as? RCNN)
        #expect(network.body.strideIn1x1 && network.classifier == .eql && network.masks == .linear)
        #expect(network.regions == .init(aligned: true, samples: 0) && whole.start?.into == "backbone.body.")
        for (yaml, message) in [
            ("{depth: 17}", "depth 17"), ("{mask: true}", "no key 'depth'"),
            ("{depth: 50, classifier: cosine}", "softmax, eql, bacl"),
            ("{depth: 50, masks: true}", "unknown key 'masks'"),
            ("{depth: 50, mask: false, mask_predictor: linear}", "mask is false"),
            ("{depth: 18, stride_in_1x1: true}", "no 1×1 convolution"),
            ("{depth: 50, anchors: {sizes: [32, 64]}}", "anchors.sizes: 2 sizes"),
            ("{depth: 50, anchors: {ratios: []}}", "anchors.ratios: 0 ratios"),
            ("{depth: 50, detections: {score_threshold: 2}}", "detections.score_threshold"),
            ("{depth: 50, proposals: {nms: 2}}", "unknown key 'proposals.nms'"),
            ("{depth: 50, roi_align: {sampling_ratio: -1}}", "roi_align.sampling_ratio"),
            ("{depth: 50, convention: caffe}", "torchvision, detectron"),
        ] {
            let error = #expect(throws: LTError.self, "\(yaml)") { try Self.network(yaml) }
            #expect(error?.description.contains(message) == true, "\(yaml): \(error?.description ?? "")")
        }
    }
}
