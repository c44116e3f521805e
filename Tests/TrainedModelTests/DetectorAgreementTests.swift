// Exported detectors on the runtime's backends: torchvision's own detections for the same weights
// (Utilities/fixtures/detectors.py), the classifier forms, pictures without detections. LT_DETECTORS=DIR writes the models for the
// script's check under ONNX Runtime; LT_DETECTOR=DIR judges what `detectors.py full DIR` writes: networks of full size.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage
import LTRuntime
import LTTrain
import Testing

@Suite struct DetectorAgreementTests {
    struct Fixture: Decodable {
        struct Layer: Decodable {
            var gain: Float
            var bias: [Float]
        }
        struct Result: Decodable {
            var height: Int
            var width: Int
            var boxes: [Float]
            var scores: [Float]
            var labels: [Int]
            var masks: [[UInt32]]?
            /// The `.npy` of another picture than the script's.
            var picture: String?
        }
        struct Case: Decodable {
            var `case`: String
            var recipe: String
            var names: [String]
            var layers: [String: Layer]
            var results: [Result]
        }
        var classes: Int
        var state: [String: [Int]]
        var counts: [String: Int]
        var cases: [Case]
    }

    static func fixture() throws -> Fixture {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/detectors.json")
        return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
    }

    /// The script's hash.
    static func numbers(_ count: Int, _ stream: Int) -> [Double] {
        (0..<count).map { index in
            var h = (UInt64(index) &* 2_654_435_761 &+ UInt64(stream) * 40503 &+ 12345) & 0xFFFF_FFFF
            h ^= h >> 15
            h = (h &* 2_246_822_519) & 0xFFFF_FFFF
            h ^= h >> 13
            return Double(h) / 0x1p32
        }
    }

    /// The script's pictures.
    static func picture(_ height: Int, _ width: Int) throws -> Tensor {
        var values = [Float](repeating: 0, count: 3 * height * width)
        for (stream, block) in [(1000, 24), (1001, 6)] {
            let (rows, columns) = ((height + block - 1) / block, (width + block - 1) / block)
            let grid = numbers(3 * rows * columns, stream).map { Float($0 * 2 - 1) }
            for channel in 0..<3 {
                for y in 0..<height {
                    for x in 0..<width {
                        values[(channel * height + y) * width + x] +=
                            grid[(channel * rows + y / block) * columns + x / block]
                    }
                }
            }
        }
        return try Tensor(values, [1, 3, height, width])
    }

    /// The script's weights by name.
    static func weights(_ test: Fixture.Case, _ shapes: [String: [Int]]) throws -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (stream, name) in test.names.enumerated() {
            let dims = try #require(shapes[name], "\(name)")
            let fan = Double(dims.dropFirst().reduce(1, *))
            let layer = test.layers[String(name[..<(name.lastIndex(of: ".") ?? name.endIndex)])]
            if let layer, name.hasSuffix("bias") {
                result[name] = try Tensor(layer.bias, dims)
                continue
            }
            let values = numbers(dims.reduce(1, *), stream).map { u -> Float in
                if name.hasSuffix("running_var") || (dims.count == 1 && name.hasSuffix("weight")) {
                    return Float(0.5 + u)
                }
                if dims.count == 1 { return Float(0.4 * (u - 0.5)) }
                return Float((u - 0.5) * 2 * (6 / fan).squareRoot()) * (layer?.gain ?? 1)
            }
            result[name] = try Tensor(values, dims)
        }
        return result
    }

    static func network(_ recipe: String) throws -> RCNN { try RCNN(RecipeSection(yaml: recipe)) }

    static func parts(_ network: RCNN, classes: Int) throws -> RCNN.Parts {
        var request = NetworkRequest(classes: classes, inputSize: 0, generator: SeededGenerator(seed: 3))
        return try network.parts(&request)
    }

    /// The network of a case with its weights, as the trainer would export it.
    static func model(_ test: Fixture.Case, classes: Int) throws -> (graph: Graph, head: DetectionHead) {
        let network = try network(test.recipe)
        var parts = try parts(network, classes: classes)
        var shapes: [String: [Int]] = [:]
        for part in parts.all { for (name, tensor) in part.initializers { shapes[name] = tensor.dims } }
        let weights = try weights(test, shapes)
        for index in parts.all.indices {
            for name in parts.all[index].initializers.keys {
                if let tensor = weights[name] { parts.all[index].initializers[name] = tensor }
            }
        }
        var graph = try network.detector(parts)
        var layer = network.decisionLayer(preprocess: Preprocess())
        layer.labels = (0..<classes).map { DecisionLayer.Label(id: 10 + $0, name: "class \($0)") }
        try layer.write(into: &graph)
        return (graph, try DetectionHead(graph, DecisionLayer(reading: graph)))
    }

    /// The greatest differences of boxes, scores, and the least overlap of masks.
    static func judge(_ detections: [Detection], _ wanted: Fixture.Result) throws -> (Float, Float, Double) {
        try #require(detections.count >= wanted.labels.count)
        var (box, score, overlap): (Float, Float, Double) = (0, 0, 1)
        // Equal scores come in any order.
        var rest = detections
        for index in wanted.labels.indices {
            let truth = wanted.boxes[4 * index..<4 * index + 4]
            let distances = rest.map { other -> Float in
                guard other.category == wanted.labels[index] else { return .infinity }
                let sides = [other.box.x1, other.box.y1, other.box.x2, other.box.y2]
                return zip(sides, truth).map { abs($0 - $1) }.max() ?? .infinity
            }
            let nearest = try #require(distances.indices.min { distances[$0] < distances[$1] })
            let detection = rest.remove(at: nearest)
            box = max(box, distances[nearest])
            score = max(score, abs(detection.score - wanted.scores[index]))
            guard let runs = wanted.masks?[index] else { continue }
            let drawn = try RunLengthMask(width: wanted.width, height: wanted.height, runs: runs)
            let mask = try #require(detection.mask)
            let common = mask.runs.withUnsafeBufferPointer { one in
                drawn.runs.withUnsafeBufferPointer { two in Double(RunLengths.intersection(one, two)) }
            }
            overlap = min(overlap, common / max(1, Double(mask.area + drawn.area) - common))
            if mask.area + drawn.area == 0 { overlap = 1 }
        }
        return (box, score, overlap)
    }

    @Test(arguments: ["reference", "cpu"], ["faster", "mask"])
    func detectionsAreTorchvisions(_ backend: String, _ name: String) throws {
        let fixture = try Self.fixture()
        let test = try #require(fixture.cases.first { $0.case == name })
        let (graph, head) = try Self.model(test, classes: fixture.classes)
        if let folder = ProcessInfo.processInfo.environment["LT_DETECTORS"] {
            try graph.write(to: "\(folder)/\(name).onnx")
        }
        let session = try Session(Plan(graph, on: BackendTable.named(backend), options: PlanOptions(threads: 1)))
        for wanted in test.results {
            let outputs = try session.run(["images": Self.picture(wanted.height, wanted.width)])
            let detections = try head.detections(
                outputs, geometry: .identity(width: wanted.width, height: wanted.height))
            #expect(detections.count == wanted.labels.count)
            let (box, score, overlap) = try Self.judge(detections, wanted)
            #expect(box < 0.05 && score < 1e-4 && overlap >= 0.999, "\(box) pixels, \(score), IoU \(overlap)")
        }
    }
}

extension DetectorAgreementTests {
    static func sessions(_ graph: Graph) throws -> [Session] {
        try ["reference", "cpu"].map {
            try Session(Plan(graph, on: BackendTable.named($0), options: PlanOptions(threads: 1)))
        }
    }

    /// Two regions far from each other, deltas of nothing: every class of every region is a detection.
    @Test(arguments: RCNN.Classifier.allCases) func scoresByForm(_ form: RCNN.Classifier) throws {
        var network = try RCNN(depth: 18)
        network.classifier = form
        let (classes, columns) = (3, form.columns(3))
        let logits: [[Double]] = [[0.5, -1, 2, 0.25], [-0.5, 1.5, 0.75, -2]].map { Array($0.prefix(columns)) }
        var wanted: [(score: Double, label: Int, region: Int)] = []
        for (region, row) in logits.enumerated() {
            for label in 0..<classes {
                let sigmoid = { (x: Double) in 1 / (1 + exp(-x)) }
                let score =
                    switch form {
                    case .softmax: exp(row[label + 1]) / row.map { exp($0) }.reduce(0, +)
                    case .eql: sigmoid(row[label])
                    case .bacl: sigmoid(row[label]) * (1 - sigmoid(row[3]))
                    }
                wanted.append((score, label, region))
            }
        }
        wanted.sort { $0.score > $1.score }
        let proposals: [Float] = [10, 20, 40, 60, 80, 10, 150, 90]
        // Class 1 grows to twice its width, about its centre, and is cut at the edge.
        var deltas = [Float](repeating: 0, count: 2 * form.regressed(classes) * 4)
        for region in 0..<2 { deltas[(region * form.regressed(classes) + form.firstColumn + 1) * 4 + 2] = 5 * log(2) }
        for session in try Self.sessions(network.decisionGraph(classes: classes)) {
            let outputs = try session.run([
                "class_logits": Tensor(logits.flatMap { $0.map(Float.init) }, [2, columns]),
                "box_deltas": Tensor(deltas, [2, form.regressed(classes), 4]), "proposals": Tensor(proposals, [2, 4]),
                "size": Tensor([Float(100), 140]),
            ])
            let (scores, labels) = (
                try #require(outputs["scores"]).array(of: Float.self),
                try #require(outputs["labels"]).array(of: Int64.self)
            )
            #expect(labels.map(Int.init) == wanted.map(\.label))
            #expect(zip(scores, wanted).allSatisfy { abs(Double($0) - $1.score) < 1e-6 } && scores.count == 6)
            let boxes = try #require(outputs["boxes"]).array(of: Float.self)
            for (index, item) in wanted.enumerated() {
                var box = Array(proposals[4 * item.region..<4 * item.region + 4])
                if item.label == 1 { (box[0], box[2]) = item.region == 0 ? (0, 55) : (45, 185) }
                box[0] = max(box[0], 0)
                box[2] = min(box[2], 140)
                #expect(zip(boxes[4 * index..<4 * index + 4], box).allSatisfy { abs($0 - $1) < 1e-3 }, "\(item)")
            }
        }
    }

    /// Published or random weights of full size: what the folder says of torchvision's detections.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["LT_DETECTOR"] != nil)) func otherDetector() throws {
        let folder = try #require(ProcessInfo.processInfo.environment["LT_DETECTOR"])
        let recipe = try String(contentsOfFile: "\(folder)/recipe.yaml", encoding: .utf8)
        let results = try JSONDecoder().decode(
            [Fixture.Result].self, from: Data(contentsOf: URL(fileURLWithPath: "\(folder)/expected.json")))
        let network = try Self.network(recipe)
        var parts = try Self.parts(network, classes: 90)
        let file = try WeightFile.read("\(folder)/weights.pth")
        print(try parts.load(file, Recipe.Start(path: file.path)))
        var graph = try network.detector(parts)
        try network.decisionLayer(preprocess: Preprocess()).write(into: &graph)
        try graph.write(to: "\(folder)/model.onnx")
        let head = try DetectionHead(graph, DecisionLayer(reading: graph))
        let session = try Session(Plan(graph, on: BackendTable.named("cpu"), options: PlanOptions(threads: 1)))
        for wanted in results {
            let image = try Tensor(npyFile: "\(folder)/\(#require(wanted.picture))")
            let detections = try head.detections(
                session.run(["images": image]), geometry: .identity(width: wanted.width, height: wanted.height))
            let (box, score, overlap) = try Self.judge(detections, wanted)
            print(
                "\(wanted.width) × \(wanted.height): \(detections.count) detections, \(box) pixels, \(score), IoU \(overlap)"
            )
            #expect(box < 0.05 && score < 1e-4 && overlap >= 0.999)
        }
    }

    /// Fresh detectors of every form and convention; both backends alike, at two sizes and with nothing to detect.
    @Test(arguments: [
        "classifier: eql, convention: detectron, stride_in_1x1: true", "classifier: bacl, mask_predictor: normalised",
        "mask: true, detections: {score_threshold: 1}",
    ])
    func backendsAgree(_ options: String) throws {
        let network = try Self.network(
            "{depth: 50, width: 8, fpn_channels: 8, representation: 16, mask: true, proposals: {pre_nms: 100, post_nms: 50},"
                + " \(options.replacing("mask: true, ", with: ""))}")
        var parts = try Self.parts(network, classes: 3)
        for index in parts.all.indices {
            // Weights only: constants of operators stay.
            let executor = try TorchExecutor(parts.all[index])
            let shaken = try RuntimeAgreementTests.shaken(parts.all[index])
            for name in executor.trainableNames + executor.statisticNames {
                guard let tensor = shaken.initializers[name] else { continue }
                // Sums of residual blocks stay small, so that scores do not amplify what backends differ by.
                let factor: Float = name.hasSuffix("bn3.weight") ? 0.2 : 1
                parts.all[index].initializers[name] = try Tensor(
                    tensor.array(of: Float.self).map { $0 * factor }, tensor.dims)
            }
        }
        let graph = try network.detector(parts)
        let sessions = try Self.sessions(graph)
        for (height, width) in [(64, 96), (50, 33)] {
            let results = try sessions.map { try $0.run(["images": Self.picture(height, width)]) }
            let counts = try results.map { try #require($0["scores"]).count }
            #expect(counts[0] == counts[1] && (counts[0] == 0) == options.contains("threshold"))
            #expect(
                results.allSatisfy { $0["masks"]?.dims == [counts[0], 28, 28] && $0["boxes"]?.dims == [counts[0], 4] })
            for name in ["scores", "boxes", "masks"] {
                let values = try results.map { try #require($0[name]).array(of: Float.self) }
                let difference = zip(values[0], values[1]).map { abs($0 - $1) }.max() ?? 0
                #expect(difference < (name == "boxes" ? 0.05 : 1e-4), "\(name): \(difference)")
            }
        }
    }
}
