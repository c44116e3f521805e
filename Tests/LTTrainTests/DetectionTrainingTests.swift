// Whole runs of detectors on eight drawn pictures: what a step logs, resumed runs, processes, hallucination, masks, recipes that
// are refused. What trained ones find, in the exported file too: TrainedModelTests and CLITests.

import Foundation
import LTCore
import LTData
import LTDecision
import LTGraph
import LTImage
import LTTrain
import Testing

/// Pictures of coloured rectangles on noise, in LVIS's files.
struct DrawnDetections {
    let folder: String
    var annotations: String { folder + "/lvis.json" }

    init(_ folder: String, pictures: Int = 8) throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var generator = SeededGenerator(seed: 11)
        let colours: [[UInt8]] = [[230, 40, 40], [40, 220, 60], [50, 60, 240]]
        var (images, objects): ([[String: Any]], [[String: Any]]) = ([], [])
        for id in 1...pictures {
            let (width, height) = (64 + 8 * (id % 3), 72 - 8 * (id % 2))
            var pixels = (0..<3 * width * height).map { _ in UInt8(90 + generator.below(40)) }
            for corner in 0..<1 + id % 2 {
                let category = (id + corner) % 3
                let (w, h) = (18 + generator.below(10), 18 + generator.below(8))
                let (x, y) = (4 + 30 * corner, 4 + 20 * corner + generator.below(6))
                for row in y..<y + h {
                    for column in x..<x + w {
                        for channel in 0..<3 {
                            pixels[(row * width + column) * 3 + channel] = colours[category][channel]
                        }
                    }
                }
                objects.append([
                    "id": objects.count + 1, "image_id": id, "category_id": category + 1, "area": w * h,
                    "bbox": [x, y, w, h], "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]],
                ])
            }
            let image = try Image(width: width, height: height, channels: 3)
            _ = image.bytes.update(from: pixels)
            let name = String(format: "%012d.png", id)
            try Data(try image.encodedPNG()).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
            images.append([
                "id": id, "width": width, "height": height, "file_name": name, "neg_category_ids": [1, 2, 3],
                "not_exhaustive_category_ids": [Int](),
            ])
        }
        let categories: [[String: Any]] = ["red", "green", "blue"].enumerated().map { index, name in
            ["id": index + 1, "name": name, "frequency": ["r", "c", "f"][index], "image_count": 4]
        }
        let json: [String: Any] = ["images": images, "annotations": objects, "categories": categories]
        try JSONSerialization.data(withJSONObject: json, options: .sortedKeys)
            .write(to: URL(fileURLWithPath: annotations))
    }

    var dataset: Dataset { get throws { try Dataset.lvis(annotations, imageFolder: folder) } }

    static func recipe(_ network: String, loss: String, more: String = "") -> String {
        """
        task: detection
        train: {format: lvis, annotations: unused, images: unused}
        network: {name: rcnn, depth: 18, width: 4, fpn_channels: 8, representation: 16, \(network), anchors: {sizes: [12, 20, 28, 40, 64]}}
        detection: {rpn: {batch: 32}, proposals: {pre_nms: 60, post_nms: 30}, roi: {batch: 24}}
        sampler: {name: uniform}
        loss: \(loss)
        optimizer: {name: sgd, lr: 0.01, momentum: 0.9, clip_norm: 10}
        schedule: {name: step, milestones: [4], warmup: {iterations: 3, ratio: 0.1}}
        batch: 4
        input: {min_size: 48, max_size: 64}
        augment: {shortest: {sides: [40, 48, 56], longest: 72}, flip: 0.5}
        seed: 5
        \(more)
        """
    }
}

@Suite struct DetectionTrainingTests {
    static func trainer(
        _ data: DrawnDetections, _ yaml: String, out: String, masks: Bool = false, validates: Bool = false,
        group: any ProcessGroup = SingleProcess(), _ change: (inout Trainer.Options) -> Void = { _ in }
    ) throws -> Trainer {
        var options = Trainer.Options(out: out)
        options.silent = true
        change(&options)
        let dataset = try data.dataset
        return try Trainer(
            try Recipe(yaml: yaml), detection: try DetectionSet(dataset, needsMasks: masks),
            validation: validates ? [DetectionSplit(name: "val", dataset: dataset, isFederated: true)] : [],
            options: options, group: group)
    }

    static func log(_ folder: String) throws -> [[String]] {
        String(decoding: try TrainerTests.bytes(folder, "log.csv"), as: UTF8.self).split(separator: "\n").map {
            $0.split(separator: ",").map(String.init)
        }
    }

    /// The classifier forms with the losses that go with them, with masks and without.
    static let forms = [
        ("classifier: softmax, mask: true", "{name: softmax-ce}", true),
        ("classifier: softmax", "{name: softmax-eql}", false),
        ("classifier: eql, convention: detectron", "{name: eql, lambda: 0.4}", false),
        ("classifier: bacl", "{name: bce, average: rows}", false),
        (
            "classifier: bacl, mask_predictor: normalised, convention: detectron",
            "{name: bacl, hallucination: {sampled_num_classes: 2, sampled_num_features: 3}}", true
        ),
    ]

    @Test(arguments: forms) func resumedRunsGiveTheSameBytes(form: (String, String, Bool)) throws {
        let (network, loss, masks) = form
        let base = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: base) }
        let data = try DrawnDetections(base + "/data")
        let yaml = DrawnDetections.recipe(
            network, loss: loss,
            more: "epochs: 3\nema: {decay: 0.9}\nfreeze: {parameters: [backbone.body.conv1.*], batch_norm: '*'}\n"
                + "validate: {val: {format: lvis, annotations: unused}, select: {on: val, metric: AP50}}")
        func run(_ name: String, _ change: (inout Trainer.Options) -> Void = { _ in }) throws -> Bool {
            try Self.trainer(data, yaml, out: "\(base)/\(name)", masks: masks, validates: true, change).run()
        }
        #expect(try run("whole"))
        #expect(try !run("parts") { $0.stopAfter = 3 })
        #expect(try run("parts") { $0.resume = true })
        for name in ["checkpoint.safetensors", "log.csv", "model.onnx", "model-last.onnx"] {
            let same = try TrainerTests.bytes(base + "/whole", name) == TrainerTests.bytes(base + "/parts", name)
            #expect(same, "\(name)")
        }
        let rows = try Self.log(base + "/whole")
        let parts = ["loss_objectness", "loss_rpn_box", "loss_class", "loss_box"] + (masks ? ["loss_mask"] : [])
        #expect(rows[0] == ["iteration", "epoch", "lr", "loss", "grad_norm"] + parts)
        #expect(rows.count == 7)
        for row in rows.dropFirst() {
            let values = row.compactMap(Double.init)
            #expect(values.count == 5 + parts.count && values.allSatisfy { $0.isFinite && $0 >= 0 })
            #expect(abs(values[5...].reduce(0, +) - values[3]) < 1e-4 * max(1, values[3]), "\(row)")
        }
        let epoch = try String(contentsOfFile: base + "/whole/log.jsonl", encoding: .utf8)
        for metric in ["AP", "AP50", "APr", "APc", "APf"] { #expect(epoch.contains("\"\(metric)\":"), "\(metric)") }
        #expect(epoch.contains("\"segm_AP\":") == masks)
    }

    @Test func exportedFilesAreComplete() throws {
        let base = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: base) }
        let data = try DrawnDetections(base + "/data")
        let yaml = DrawnDetections.recipe("mask: true", loss: "{name: softmax-ce}", more: "iterations: 2")
        let trainer = try Self.trainer(data, yaml, out: base + "/run", masks: true)
        try trainer.run()
        let graph = try Graph.read(path: trainer.modelPath)
        #expect(graph.outputs.map(\.name) == ["boxes", "scores", "labels", "masks"])
        let layer = try DecisionLayer(reading: graph)
        #expect(layer.task == .segmentation && layer.labels?.map(\.name) == ["red", "green", "blue"])
        #expect(layer.trainCounts == (try DetectionSet(data.dataset).counts.images))
        #expect(layer.groups?.rule == "lvis" && layer.provenance?.loss == "softmax-ce")
        let head = try DetectionHead(graph, layer)
        #expect(head.isFinal && head.categoryCount == 3)
        // The file is where training starts from again.
        let next = DrawnDetections.recipe(
            "mask: true", loss: "{name: softmax-ce}", more: "iterations: 1\ninit: {from: \(trainer.modelPath)}")
        #expect(try Self.trainer(data, next, out: base + "/next", masks: true).run())
    }

    @Test func frozenPartsStay() throws {
        let base = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: base) }
        let data = try DrawnDetections(base + "/data")
        let yaml = DrawnDetections.recipe(
            "classifier: eql", loss: "{name: eql}",
            more: "iterations: 2\ncheckpoint_every: 1\n"
                + "freeze: {parameters: [backbone.*, roi_heads.box_head.*], batch_norm: '*'}")
        #expect(try !Self.trainer(data, yaml, out: base + "/run") { $0.stopAfter = 1 }.run())
        let before = try Checkpoint.read(base + "/run/checkpoint.safetensors").tensors
        #expect(try Self.trainer(data, yaml, out: base + "/run") { $0.resume = true }.run())
        let after = try Checkpoint.read(base + "/run/checkpoint.safetensors").tensors
        for (name, tensor) in before where !name.contains("/") {
            let isFrozen = name.hasPrefix("backbone.") || name.hasPrefix("roi_heads.box_head.")
            let same = try #require(after[name]).bytes.elementsEqual(tensor.bytes)
            #expect(same == isFrozen, "\(name)")
        }
    }

    @Test func recipesThatCannotBeAreRefused() throws {
        let base = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: base) }
        let data = try DrawnDetections(base + "/data")
        func refusal(_ network: String, _ loss: String, _ more: String = "") -> String {
            let yaml = DrawnDetections.recipe(network, loss: loss, more: "iterations: 1\n" + more)
            do {
                _ = try Self.trainer(data, yaml, out: base + "/run")
                return ""
            } catch { return "\(error)" }
        }
        #expect(refusal("classifier: eql", "{name: softmax-ce}").contains("network.classifier 'eql'"))
        #expect(refusal("classifier: softmax", "{name: eql}").contains("network.classifier 'softmax'"))
        #expect(refusal("classifier: softmax", "{name: cdb-ce}").contains("recall"))
        #expect(refusal("mask: false", "{name: softmax-ce}", "frobnicate: 1").contains("frobnicate"))
        let wrongTask = DrawnDetections.recipe("mask: false", loss: "{name: softmax-ce}", more: "iterations: 1")
            .replacingOccurrences(of: "task: detection", with: "task: multilabel")
        #expect(throws: LTError.self) { try Recipe(yaml: wrongTask) }
    }
}
