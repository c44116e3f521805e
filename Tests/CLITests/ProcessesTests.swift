// lt-train under mpirun: two processes make the run that one makes with the whole batch; a process that cannot go on takes
// the others with it; a run goes on with another number of processes.

import Foundation
import LTCore
import LTImage
import LTTrain
import Testing

@Suite(.serialized) struct ProcessesTests {
    /// Eighteen noisy images of three classes, 10, 5 and 3; in `multi.json` some have two.
    static func data(_ folder: TemporaryFolder) throws {
        let counts = [10, 5, 3]
        let classes = counts.enumerated().flatMap { [Int](repeating: $0, count: $1) }
        var images: [[String: Any]] = []
        var single: [[String: Any]] = []
        var extra: [[String: Any]] = []
        func annotation(_ image: Int, _ label: Int) -> [String: Any] {
            ["id": 3 * image + label, "image_id": image, "category_id": label, "bbox": [0, 0, 4, 4], "area": 16]
        }
        for (index, label) in classes.enumerated() {
            var generator = SeededGenerator(seed: 9, index: UInt64(index))
            let image = try Image(width: 16, height: 16, channels: 3)
            for position in image.bytes.indices {
                image.bytes[position] = UInt8((position % 3 == label ? 90 : 0) + generator.below(160))
            }
            try folder.write(try image.encodedPNG(), "images/\(index).png")
            images.append(["id": index, "file_name": "\(index).png", "width": 16, "height": 16])
            single.append(annotation(index, label))
            if index % 4 == 0 { extra.append(annotation(index, (label + 1) % 3)) }
        }
        let categories = ["red", "green", "blue"].enumerated().map { ["id": $0, "name": $1] as [String: Any] }
        for (name, annotations) in [("single", single), ("multi", single + extra)] {
            let json: [String: Any] = ["images": images, "annotations": annotations, "categories": categories]
            try folder.write([UInt8](try JSONSerialization.data(withJSONObject: json)), "\(name).json")
        }
        let recipe = """
            train: {annotations: \(folder.file("multi.json")), images: \(folder.file("images"))}
            network: {name: resnet, blocks: [1, 1], width: 4, stem: {kernel: 3, stride: 2, max_pool: false}, pfc: 8}
            sampler: {name: uniform}
            loss: {name: distribution-balanced, partial: true}
            optimizer: {name: sgd, lr: 0.02, momentum: 0.9, weight_decay: 1.0e-4, clip_norm: 5}
            iterations: 5
            batch: 6
            accumulate: 2
            input: {size: 16}
            augment: {flip: 0.5}
            precision: fp64
            distributed: {sync_batch_norm: true}
            seed: 3
            """
        try folder.write([UInt8](recipe.utf8), "recipe.yaml")
    }

    static let tool = Tool("lt-train")

    static func run(processes: Int, _ arguments: [String]) throws -> Tool.Result {
        let arguments = ["run"] + arguments + ["--threads", "1"]
        guard processes > 1 else { return try tool.run(arguments) }
        return try mpirun(processes, [tool.path] + arguments)
    }

    /// Open MPI is one of the Debian packages that the project needs.
    static func mpirun(_ processes: Int, _ command: [String]) throws -> Tool.Result {
        try Tool(path: "/usr/bin/mpirun").run(
            ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", "\(processes)"] + command)
    }

    /// The greatest |a − b| / max(1, |b|) of all tensors: weights, running statistics, momentum, the loss's state.
    static func deviation(_ a: Checkpoint, _ b: Checkpoint) throws -> Double {
        #expect(a.tensors.keys == b.tensors.keys && a.iteration == b.iteration)
        var greatest = 0.0
        for (name, tensor) in a.tensors where tensor.type == .float64 {
            let other = try #require(b.tensors[name])
            #expect(other.type == .float64 && other.dims == tensor.dims)
            for (x, y) in zip(try tensor.array(of: Double.self), try other.array(of: Double.self)) {
                greatest = max(greatest, (x - y).isNaN ? .infinity : abs(x - y) / max(1, abs(y)))
            }
        }
        return greatest
    }

    static func losses(_ path: String) throws -> [Double] {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self).split(separator: "\n")
            .dropFirst().compactMap { Double($0.split(separator: ",")[3]) }
    }

    @Test(arguments: [
        ["loss={name: distribution-balanced, partial: true}", "network.width=16"],
        ["loss={name: softmax-ce, weights: inverse}", "SINGLE"],
        ["loss={name: cdb-ce, average: weights}", "SINGLE"],
        ["loss={name: bacl}", "SINGLE"],
        ["loss={name: bce}", "distributed=null", "freeze={batch_norm: true}"],
    ])
    func twoProcessesGiveTheNumbersOfOne(_ overrides: [String]) throws {
        let folder = try TemporaryFolder()
        try Self.data(folder)
        var arguments = [folder.file("recipe.yaml")]
        let split = "{annotations: \(folder.file("single.json")), images: \(folder.file("images"))}"
        for value in overrides {
            // Losses of single labels may learn from a validation after each epoch.
            let own = value == "SINGLE" ? ["train=\(split)", "validate={val: \(split)}"] : [value]
            for value in own { arguments += ["--set", value] }
        }
        for processes in [1, 2] {
            let out = folder.file("out\(processes)")
            let result = try Self.run(processes: processes, arguments + ["--out", out])
            #expect(result.status == 0, "\(processes): \(result.error)")
        }
        let one = try Checkpoint.read(folder.file("out1/checkpoint.safetensors"))
        let two = try Checkpoint.read(folder.file("out2/checkpoint.safetensors"))
        #expect(one.tensors.keys.contains("bn1.running_var"))
        #expect(try Self.deviation(two, one) < 1e-9)
        let (first, second) = (
            try Self.losses(folder.file("out1/log.csv")), try Self.losses(folder.file("out2/log.csv"))
        )
        #expect(first.count == 5 && zip(first, second).allSatisfy { abs($0 - $1) < 1e-9 * max(1, abs($0)) })
        #expect(FileManager.default.fileExists(atPath: folder.file("out2/model.onnx")))
    }

    /// A detector's recipe on six drawn pictures; or on two, of which one shows nothing, so that one of two processes never has
    /// an object.
    static func detector(_ folder: TemporaryFolder, network: String, loss: String, lonely: Bool) throws -> String {
        let root = try ToyData.shared.folder("lvis", ToyLVIS.synth("v1")) + "/data/lvis_v1"
        let text = try Data(contentsOf: URL(fileURLWithPath: "\(root)/annotations/lvis_v1_train.json"))
        var json = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
        let images = try #require(json["images"] as? [[String: Any]]).prefix(lonely ? 2 : 6)
        let ids = images.prefix(lonely ? 1 : 6).compactMap { $0["id"] as? Int }
        let annotations = try #require(json["annotations"] as? [[String: Any]])
        json["images"] = Array(images)
        json["annotations"] = annotations.filter { ids.contains($0["image_id"] as? Int ?? -1) }
        try folder.write([UInt8](try JSONSerialization.data(withJSONObject: json)), "lvis.json")
        let recipe = """
            train: {format: lvis, annotations: \(folder.file("lvis.json")), images: \(root)}
            network: {name: rcnn, depth: 18, width: 4, fpn_channels: 8, representation: 16, \(network),
              anchors: {sizes: [8, 16, 32, 64, 128]}}
            detection: {rpn: {batch: 32}, proposals: {pre_nms: 60, post_nms: 30}, roi: {batch: 24}}
            freeze: {batch_norm: true}
            sampler: {name: uniform}
            loss: \(loss)
            optimizer: {name: sgd, lr: 0.02, momentum: 0.9, weight_decay: 1.0e-4, clip_norm: 5}
            iterations: 5
            batch: \(lonely ? 2 : 4)
            input: {min_size: 48, max_size: 64}
            augment: {shortest: {sides: [40, 48, 56], longest: 72}, flip: 0.5}
            precision: fp64
            seed: 3
            """
        try folder.write([UInt8](recipe.utf8), "detector.yaml")
        return folder.file("detector.yaml")
    }

    @Test(
        arguments: [
            ("classifier: softmax, mask: true", "{name: softmax-ce}"), ("classifier: eql", "{name: eql, lambda: 0.4}"),
            (
                "classifier: bacl, mask_predictor: normalised, convention: detectron",
                "{name: bacl, hallucination: {sampled_num_classes: 3, sampled_num_features: 5}}"
            ),
        ], [false, true])
    func twoProcessesTrainTheDetectorOfOne(_ parts: (network: String, loss: String), lonely: Bool) throws {
        let folder = try TemporaryFolder()
        let recipe = try Self.detector(folder, network: parts.network, loss: parts.loss, lonely: lonely)
        for processes in [1, 2] {
            let result = try Self.run(processes: processes, [recipe, "--out", folder.file("out\(processes)")])
            #expect(result.status == 0, "\(processes): \(result.error)")
        }
        let checkpoints = try [1, 2].map { try Checkpoint.read(folder.file("out\($0)/checkpoint.safetensors")) }
        if parts.loss.contains("bacl") {
            #expect(checkpoints[0].tensors.keys.contains { $0.hasSuffix("cm_numerator") })
            #expect(checkpoints[0].tensors.keys.contains { $0.hasSuffix("prototype") })
        }
        #expect(try Self.deviation(checkpoints[1], checkpoints[0]) < 1e-9)
        let columns =
            ["loss", "loss_objectness", "loss_rpn_box", "loss_class", "loss_box"]
            + (parts.network.contains("mask") ? ["loss_mask"] : [])
        for column in columns {
            let (one, two) = (
                try RunFolder.log(folder.file("out1"), column), try RunFolder.log(folder.file("out2"), column)
            )
            #expect(one.count == 5 && zip(one, two).allSatisfy { abs($0 - $1) < 1e-9 * max(1, abs($0)) }, "\(column)")
        }
    }

    @Test func aRunGoesOnWithAnotherNumberOfProcesses() throws {
        let folder = try TemporaryFolder()
        try Self.data(folder)
        let recipe = [folder.file("recipe.yaml"), "--set", "network.width=8"]
        let whole = try Self.run(processes: 1, recipe + ["--out", folder.file("whole")])
        let start = try Self.run(processes: 2, recipe + ["--out", folder.file("parts"), "--stop-after", "2"])
        let end = try Self.run(processes: 3, recipe + ["--out", folder.file("parts"), "--resume"])
        for result in [whole, start, end] { #expect(result.status == 0, "\(result.error)") }
        let checkpoints = try ["whole", "parts"].map {
            try Checkpoint.read(folder.file("\($0)/checkpoint.safetensors"))
        }
        #expect(try Self.deviation(checkpoints[1], checkpoints[0]) < 1e-9)
    }

    /// Without synchronised statistics a run resumed from a checkpoint still gives the same bytes.
    @Test func resumedRunsOfTwoGiveTheSameBytes() throws {
        let folder = try TemporaryFolder()
        try Self.data(folder)
        let recipe = [folder.file("recipe.yaml"), "--set", "distributed=null", "--set", "precision=fp32"]
        let whole = try Self.run(processes: 2, recipe + ["--out", folder.file("whole")])
        let start = try Self.run(processes: 2, recipe + ["--out", folder.file("parts"), "--stop-after", "3"])
        let end = try Self.run(processes: 2, recipe + ["--out", folder.file("parts"), "--resume"])
        for result in [whole, start, end] { #expect(result.status == 0, "\(result.error)") }
        for name in ["checkpoint.safetensors", "log.csv", "model.onnx"] {
            let files = ["whole", "parts"].map { FileManager.default.contents(atPath: folder.file("\($0)/\(name)")) }
            #expect(files[0] != nil && files[0] == files[1], "\(name)")
        }
    }

    @Test func oneFailureEndsAll() throws {
        let folder = try TemporaryFolder()
        try Self.data(folder)
        let recipe = folder.file("recipe.yaml")
        let uneven = try Self.run(processes: 2, [recipe, "--out", folder.file("o"), "--set", "batch=5"])
        #expect(uneven.status != 0 && uneven.error.contains("5 images do not divide among 2 processes"))
        // The second process alone finds no images; the first would wait for it for ever.
        let own = "\(Self.tool.path) run \(recipe) --out \(folder.file("o")) --threads 1"
        let script =
            "if [ $OMPI_COMM_WORLD_RANK = 1 ]; then exec \(own) --set train.images=/nowhere; else exec \(own); fi"
        let result = try Self.mpirun(2, ["bash", "-c", script])
        #expect(result.status != 0 && result.error.contains("in process 1 of 2"), "\(result.error)")
    }

    /// A signal to one process ends both, with the state of the same iteration.
    @Test func anInterruptionOfOneEndsAll() throws {
        let folder = try TemporaryFolder()
        try Self.data(folder)
        let own =
            "\(Self.tool.path) run \(folder.file("recipe.yaml")) --out \(folder.file("o")) --threads 1 "
            + "--set iterations=100000000 --set checkpoint_every=1"
        let script = """
            if [ $OMPI_COMM_WORLD_RANK = 1 ]; then \(own) & own=$!; \
            until [ -e \(folder.file("o"))/checkpoint.safetensors ]; do sleep 0.1; done; kill -INT $own; \
            while kill -0 $own 2>/dev/null; do wait $own; done; exit 1; else exec \(own); fi
            """
        let result = try Self.mpirun(2, ["bash", "-c", script])
        #expect(result.status != 0 && result.error.contains("cancelled: stopped after iteration"), "\(result.error)")
        let done = try Checkpoint.read(folder.file("o/checkpoint.safetensors")).iteration
        #expect(try done > 0 && Self.losses(folder.file("o/log.csv")).count == done)
    }
}
