// lt-train as a process: killed at random moments and resumed it gives the files of a run that was not; Ctrl-C; messages.

import Foundation
import LTCore
import Testing

@Suite struct TrainTests {
    /// A folder per class, 8, 6 and 4 images, and a recipe that uses everything that has a state.
    private func scene() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        var number = 0
        for (name, count) in [("ant", 8), ("bee", 6), ("cat", 4)] {
            for _ in 0..<count {
                try folder.writeJPEG(number, String(format: "images/%@/%03d.jpg", name, number))
                number += 1
            }
        }
        let recipe = """
            train: {format: folder, root: "\(folder.file("images"))"}
            validate:
              val: {format: folder, root: "\(folder.file("images"))"}
              select: {on: val, metric: balanced_accuracy}
            network: {name: resnet, blocks: [1], width: 4, stem: {kernel: 3, stride: 2, max_pool: false}, pool: max}
            sampler: {name: class-aware, reduce: 1}
            loss: {name: softmax-ce}
            optimizer: {name: sgd, lr: 0.05, nesterov: true, weight_decay: 1e-4}
            schedule: {name: step, milestones: [20], warmup: {iterations: 5}}
            ema: {decay: 0.9}
            accumulate: 2
            batch: 4
            epochs: 30
            checkpoint_every: 4
            input: {size: 16}
            augment: {flip: 0.5, crop: {}}
            tensorboard: true
            threads: 1
            """
        try folder.write(Array(recipe.utf8), "recipe.yaml")
        return folder
    }

    private let files = ["checkpoint.safetensors", "best.safetensors", "log.csv", "model.onnx", "model-last.onnx"]

    private func expectSame(_ whole: String, _ other: String) throws {
        for name in files {
            let expected = try #require(FileManager.default.contents(atPath: "\(whole)/\(name)"))
            #expect(FileManager.default.contents(atPath: "\(other)/\(name)") == expected, "\(name)")
        }
        // Every epoch once.
        let lines = try String(contentsOfFile: "\(other)/log.jsonl", encoding: .utf8).split(separator: "\n")
        let epochs = try lines.map { line in
            try (JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["epoch"] as? Int
        }
        #expect(epochs == Array(1...30))
    }

    /// The set for detectors is LVIS's files, also under its short name.
    @Test func detectionSetsAreDrawn() throws {
        let folder = try TemporaryFolder()
        let tool = Tool("lt-train")
        let small = [
            "--classes", "5", "--images", "4", "--test-images", "1", "--image-size", "40", "--longtail", "none",
        ]
        let result = try tool.run(["synth", "--task", "detection", "--out", folder.file("set")] + small)
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output.contains("train: {format: lvis, annotations: "))
        let path = folder.file("set") + "/data/lvis_v1/annotations/lvis_v1_train.json"
        let text = try #require(FileManager.default.contents(atPath: path))
        let file = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
        let images = try #require(file["images"] as? [[String: Any]])
        #expect(images.count == 20 && images.allSatisfy { $0["neg_category_ids"] is [Int] })
        let objects = try #require(file["annotations"] as? [[String: Any]])
        #expect(objects.count >= 20 && objects.allSatisfy { $0["segmentation"] is [[Double]] })
        for wrong in [["--task", "detection", "--kinds", "demo"], ["--task", "detection", "--format", "coco"]] {
            #expect(try tool.run(["synth", "--out", folder.file("other")] + wrong).status == 64)
        }
    }

    @Test func killedAtRandomMomentsTheFilesAreThoseOfAnUninterruptedRun() throws {
        let folder = try scene()
        let arguments = ["run", folder.file("recipe.yaml"), "--out"]
        let started = Date()
        let result = try Tool("lt-train").run(arguments + [folder.file("whole")])
        #expect(result.status == 0, "\(result.error)")
        #expect(result.error.contains("best epoch") && result.error.contains("report.html"))
        let duration = Date().timeIntervalSince(started)
        var generator = SeededGenerator(seed: 9)
        let out = folder.file("killed")
        var kills = 0
        func resume() -> [String] {
            FileManager.default.fileExists(atPath: out + "/checkpoint.safetensors") ? ["--resume"] : []
        }
        for _ in 0..<30 where kills < 6 {
            let tool = try Tool("lt-train").start(arguments + [out] + resume())
            Thread.sleep(forTimeInterval: generator.uniform(0.2...0.8) * duration)
            kill(tool.process.processIdentifier, SIGKILL)
            if tool.finish().status == 128 + SIGKILL { kills += 1 }
        }
        #expect(kills > 1)
        let last = try Tool("lt-train").run(arguments + [out] + resume())
        #expect(last.status == 0, "\(last.error)")
        try expectSame(folder.file("whole"), out)
    }

    @Test func controlCWritesAStateAndTheRunGoesOn() throws {
        let folder = try scene()
        let arguments = ["run", folder.file("recipe.yaml"), "--out"]
        #expect(try Tool("lt-train").run(arguments + [folder.file("whole")]).status == 0)
        let out = folder.file("stopped")
        let tool = try Tool("lt-train").start(arguments + [out])
        while tool.process.isRunning, !FileManager.default.fileExists(atPath: out + "/checkpoint.safetensors") {
            usleep(500)
        }
        kill(tool.process.processIdentifier, SIGINT)
        let result = tool.finish()
        if result.status != 0 { #expect(result.error.contains("--resume goes on"), "\(result.error)") }
        #expect(try Tool("lt-train").run(arguments + [out, "--resume"]).status == 0)
        try expectSame(folder.file("whole"), out)
    }

    @Test func mistakesAreNamedBeforeAnythingRuns() throws {
        let folder = try scene()
        func message(_ overrides: String...) throws -> String {
            let result = try Tool("lt-train").run(
                ["run", folder.file("recipe.yaml"), "--out", folder.file("none")] + overrides.flatMap { ["--set", $0] })
            #expect(result.status != 0 && result.output.isEmpty)
            #expect(!FileManager.default.fileExists(atPath: folder.file("none")))
            return result.error
        }
        #expect(try message("optimizer.momentun=0.9").contains("did you mean 'momentum'?"))
        #expect(try message("validate.select.metric=mAP").contains("expected one of accuracy, top5"))
        #expect(try message("train.root=/nowhere").contains("/nowhere"))
        #expect(try message("validate.val.root=/nowhere").contains("validate.val"))
    }
}
