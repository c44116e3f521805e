// Every recipe of models/, at toy scale, on small data drawn in the real on-disk format: it reads, overfits a few samples
// (the loss falls by 90 %), resumes to the same bytes, exports a file that the runtime reloads, and reports its system's
// metrics. Networks are narrow and images small, crops of a number of pixels with them; loss and data are the recipe's
// own. What overfits runs without augmentation, at a rate of its own, on a few images that are drawn equally often; what
// stops and resumes keeps the recipe's sampler, augmentation, schedule and long-tailed part.

import Foundation
import LTCore
import Testing

@Suite struct RecipeProofTests {
    /// How the recipes of one data format are made small.
    struct Scale {
        var format: String
        /// Of `lt-train synth`.
        var synth: [String]
        /// For every run.
        var small: [String]
        /// For the run that overfits.
        var few: [String]
        /// Epochs of its first phase, for losses that have two: the second does not begin where the first ended.
        var firstPhase: Int?
        /// Sections of the report of `split`.
        var metrics: [String]
        var split = "test"
    }

    static let models = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("models").path

    static let recipes: [String] = ["db", "cdb", "ib"].flatMap { system in
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(models)/\(system)")) ?? []
        return names.filter { $0.hasSuffix(".yaml") }.sorted().map { "\(system)/\($0)" }
    }

    static func scale(_ recipe: String) throws -> Scale {
        let classifier = recipe.contains("ldam") ? "classifier: cosine" : "head: {init: uniform}"
        let cropped = ["input.size=32", "input.center_crop=32", "input.resize.size=36"]
        let multilabel = [
            "network={name: resnet, blocks: [1, 1, 1], width: 32, stem: {kernel: 3, stride: 2, max_pool: false}, pfc: 256}",
            "freeze={parameters: [conv1.*, bn1.*, layer1.*], batch_norm: [bn1.*, layer1.*]}", "input.size=32",
        ]
        // Effective numbers with β 0.9 are weights near 0.1.
        let fitted = ["sampler={name: uniform}", "optimizer.lr=\(recipe.contains("cb-focal") ? 0.5 : 0.1)"]
        let short = ["train.limit=16", "train.longtail=null", "iterations=60", "optimizer.lr=0.1"]
        let classes = ["many", "balanced_accuracy", "top1"]
        let hasPhases = recipe.hasPrefix("ib/") && !recipe.contains("-ce") && !recipe.contains("-ldam")
        let phase = hasPhases ? 40 : nil
        if recipe.hasPrefix("db/voc-mlt") {
            return Scale(
                format: "voc-mlt", synth: ["--images", "2", "--test-images", "2", "--image-size", "48"],
                small: multilabel, few: fitted + ["iterations=200"], metrics: ["mAP", "F1"])
        }
        if recipe.hasPrefix("db/coco-mlt") {
            return Scale(
                format: "coco-mlt",
                synth: ["--classes", "8", "--images", "6", "--test-images", "2", "--image-size", "48"],
                small: multilabel, few: fitted + ["iterations=80"], metrics: ["mAP", "F1"])
        }
        if recipe.hasPrefix("db/lvis") {
            return Scale(
                format: "lvis", synth: ToyLVIS.synth("v0.5"),
                small: multilabel, few: fitted + ["train.limit=16", "iterations=150"],
                metrics: ["mAP", "F1"], split: "val")
        }
        if recipe.hasPrefix("cdb/cifar100") || recipe.hasPrefix("ib/cifar") {
            return Scale(
                format: recipe.contains("cifar100") ? "cifar100" : "cifar10",
                synth: ["--classes", "8", "--images", "250", "--test-images", "3"], small: ["network.depth=8"],
                few: short + (hasPhases ? ["loss.start_epoch=40"] : []), firstPhase: phase, metrics: classes)
        }
        if recipe.hasPrefix("ib/tiny-imagenet") {
            return Scale(
                format: "tiny-imagenet",
                synth: ["--classes", "8", "--images", "110", "--test-images", "2", "--image-size", "40"],
                small: cropped + ["network={name: resnet, depth: 18, width: 8, \(classifier)}"],
                few: short + (hasPhases ? ["loss.start_epoch=40"] : []), firstPhase: phase, metrics: classes)
        }
        if recipe.hasPrefix("cdb/imagenet-lt") {
            return Scale(
                format: "imagenet-lt",
                synth: [
                    "--classes", "8", "--images", "2", "--test-images", "2", "--image-size", "40", "--longtail", "none",
                ],
                small: cropped + ["network={name: resnet, depth: 10, width: 8, head: {init: uniform}}"],
                few: ["iterations=60", "optimizer.lr=0.1"], metrics: classes)
        }
        if recipe.hasPrefix("cdb/egtea") {
            return Scale(
                format: "egtea",
                synth: ["--images", "1", "--test-images", "1", "--image-size", "40", "--longtail", "none"],
                small: [
                    "network={name: resnext3d, depth: 50, cardinality: 4, width: 8, frames: 4}", "input.clip.frames=4",
                    "input.size=32", "input.precrop=36", "augment.random_crop.size=36",
                ], few: ["iterations=80", "optimizer.lr=0.05", "optimizer.momentum=0.9"],
                metrics: ["majority", "balanced_accuracy", "precision"])
        }
        throw LTError(.notFound, "no toy scale for the recipe \(recipe)")
    }

    static func run(
        _ recipe: String, _ scale: Scale, in folder: String, out: String, _ overrides: [String], _ flags: [String] = []
    )
        throws -> Tool.Result
    {
        let common = ["init=null", "epochs=null", "batch=16", "checkpoint_every=5", "threads=1"]
        let set = (common + scale.small + overrides).flatMap { ["--set", $0] }
        return try Tool("lt-train").run(["run", "\(models)/\(recipe)", "--out", out] + set + flags, in: folder)
    }

    @Test func thereAreRecipes() { #expect(Self.recipes.count >= 50) }

    /// Also of a loss that learns from validations, and on clips.
    @Test(arguments: ["db/coco-mlt.yaml", "cdb/cifar100-lt-200.yaml", "cdb/egtea.yaml"])
    func stepsAreTimedWithoutData(_ recipe: String) throws {
        let set = (["init=null", "batch=4"] + (try Self.scale(recipe).small)).flatMap { ["--set", $0] }
        let bench = try Tool("lt-train").run(
            ["bench", "\(Self.models)/\(recipe)", "--classes", "5", "--steps", "2", "--warm-up", "1", "--json"] + set)
        #expect(bench.status == 0, "\(bench.error)")
        let times = try JSONSerialization.jsonObject(with: Data(bench.output.utf8)) as? [String: Any]
        #expect((times?["steps"] as? [Double])?.count == 2 && times?["batch"] as? Int == 4)
    }

    @Test(arguments: recipes) func isProven(_ recipe: String) throws {
        let scale = try Self.scale(recipe)
        let folder = try ToyData.shared.folder(scale.format, scale.synth)
        let temporary = try TemporaryFolder()

        let fit = temporary.file("fit")
        let overfits = try Self.run(
            recipe, scale, in: folder, out: fit,
            scale.few + ["augment=null", "schedule={name: cosine}", "validate.every=1000"])
        guard overfits.status == 0 else {
            Issue.record("\(overfits.error.suffix(600))")
            return
        }
        try RunFolder.expectFall(fit, to: 0.1, epochs: scale.firstPhase)

        let verified = try Tool("lt-infer").run(["verify", "\(fit)/model.onnx"])
        #expect(verified.status == 0, "\(verified.output)\(verified.error)")
        let report = try String(contentsOfFile: "\(fit)/report-\(scale.split).json", encoding: .utf8)
        for metric in scale.metrics { #expect(report.contains("\"\(metric)\""), "no \(metric)") }

        try RunFolder.expectResumed { out, flags in
            try Self.run(recipe, scale, in: folder, out: out, ["iterations=12"], flags)
        }
    }
}
