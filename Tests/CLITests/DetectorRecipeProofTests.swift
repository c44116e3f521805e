// Every detector's recipe of models/eql and models/bacl, at toy scale, on small sets in LVIS's files: it reads, overfits two
// pictures (the loss falls by 90 %, what the exported file finds is right), resumes to the same bytes with the recipe's own
// sampler, augmentation and schedule, exports a file that `lt-infer run` takes, and reports APr, APc, APf. BACL's second stage
// goes on from a first stage of its own recipes. ResNet-101's recipes are their ResNet-50's with another body: two steps.

import Foundation
import LTCore
import LTGraph
import Testing

/// Small sets in LVIS's files, with rare, common and frequent classes.
enum ToyLVIS {
    static func synth(_ version: String) -> [String] {
        (version == "v1" ? [] : ["--variant", version]) + [
            "--classes", "6", "--images", "110", "--test-images", "1", "--image-size", "64", "--longtail",
            "step:0.01",
        ]
    }
}

@Suite struct DetectorRecipeProofTests {
    static let recipes: [String] = ["eql", "bacl"].flatMap { system in
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(RecipeProofTests.models)/\(system)")) ?? []
        return names.filter { $0.hasSuffix(".yaml") }.sorted().map { "\(system)/\($0.dropLast(5))" }
    }
    static let whole = recipes.filter { $0.contains("r50") && !$0.contains("stage2") }
    static let secondStages = recipes.filter { $0.contains("r50") && $0.contains("stage2") }
    static let deep = recipes.filter { $0.contains("r101") }

    static func version(_ recipe: String) -> String { recipe.contains("lvis-v0.5") ? "v0.5" : "v1" }
    static func folder(_ recipe: String) throws -> String {
        try ToyData.shared.folder("lvis", ToyLVIS.synth(version(recipe)))
    }
    static func hasMasks(_ recipe: String) -> Bool { recipe.hasPrefix("eql") || recipe.contains("mask") }

    /// For every run: narrow networks, small pictures. Fresh bodies, whose frozen batch normalisations do nothing, want inputs
    /// near 1.
    static let small = [
        "network.width=8", "network.fpn_channels=32", "network.representation=256",
        "network.anchors.sizes=[8, 16, 32, 64, 128]", "input.min_size=64", "input.max_size=96",
        "input.std=[57, 57, 57]", "network.proposals={pre_nms: 200, post_nms: 100}", "detection.rpn.batch=64",
        "detection.proposals.pre_nms=200", "detection.proposals.post_nms=200", "detection.roi.batch=64", "batch=2",
        "epochs=null", "threads=1", "checkpoint_every=5",
    ]
    static let fresh = ["init=null"]

    /// The recipe's own augmentation, for small pictures.
    static func augmentation(_ recipe: String) -> [String] {
        recipe.contains("stage1")
            ? ["augment.jitter.side=64", "augment.crop=[64, 64]", "augment.canvas=[64, 64]"]
            : ["augment.shortest.sides=[48, 56, 64]", "augment.shortest.longest=96"]
    }

    /// Two pictures, the same ones for validation.
    static func fit(_ recipe: String, iterations: Int) -> [String] {
        let version = version(recipe)
        let images = version == "v1" ? "data/lvis_v1" : "data/lvis_v0.5/train2017"
        return [
            "iterations=\(iterations)", "augment=null", "schedule={name: cosine}", "train.limit=2",
            "optimizer={name: adam, lr: 0.002, clip_norm: 10}", "validate.every=1000",
            "validate.val={format: lvis, annotations: data/lvis_\(version)/annotations/lvis_\(version)_train.json, "
                + "images: \(images), limit: 2}",
        ]
    }

    static func run(_ recipe: String, out: String, _ overrides: [String], _ flags: [String] = []) throws -> Tool.Result
    {
        let set = (small + overrides).flatMap { ["--set", $0] }
        return try Tool("lt-train").run(
            ["run", "\(RecipeProofTests.models)/\(recipe).yaml", "--out", out] + set + flags, in: folder(recipe))
    }

    /// The run of a recipe that overfits, or of two steps, where the recipe says that its folder is; made once.
    static func start(_ recipe: String) throws -> String {
        let overrides = deep.contains(recipe) ? ["iterations=2"] + augmentation(recipe) : fit(recipe, iterations: 250)
        return try ToyData.shared.once(recipe) {
            let out = try "\(folder(recipe))/runs/\(recipe)"
            let result = try run(recipe, out: out, fresh + overrides)
            guard result.status == 0 else { throw LTError(.invalidArgument, "\(recipe): \(result.error.suffix(600))") }
            return out
        }
    }

    /// AP50 of a report, which has values of LVIS's groups.
    static func ap50(_ out: String, _ report: String) throws -> Double {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(out)/report-\(report).json"))
        let json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        for metric in ["AP", "APr", "APc", "APf"] { #expect(json.keys.contains(metric), "no \(metric)") }
        return try #require(json["AP50"] as? Double)
    }

    /// Expects reports, and a file that finds objects in the pictures of the validation set.
    static func expectDetector(_ recipe: String, _ out: String, ap50 least: Double) throws {
        for report in ["val"] + (hasMasks(recipe) ? ["val-segm"] : []) {
            let value = try ap50(out, report)
            #expect(value >= least, "\(report): AP50 \(value)")
        }
        let temporary = try TemporaryFolder()
        let found = try Tool("lt-infer").run(
            [
                "run", "\(out)/model.onnx", "data/lvis_\(version(recipe))/val2017", "--out", temporary.file("p.db"),
                "--lvis-json", "-", "--quiet",
            ], in: folder(recipe))
        #expect(found.status == 0, "\(found.error)")
        let results = try JSONSerialization.jsonObject(with: Data(found.output.utf8)) as? [[String: Any]]
        if least > 0 {
            let verified = try Tool("lt-infer").run(["verify", "\(out)/model.onnx"])
            #expect(verified.status == 0, "\(verified.output)\(verified.error)")
        }
        // A network of two steps may find nothing.
        #expect(results?.isEmpty == false || least == 0)
        #expect(results?.allSatisfy { ($0["segmentation"] != nil) == hasMasks(recipe) } == true)
    }

    @Test func thereAreRecipes() {
        #expect(Self.whole.count == 10 && Self.secondStages.count == 3 && Self.deep.count == 11)
    }

    /// With masks, and with objects that are pasted.
    @Test(arguments: ["eql/lvis-v0.5-r50", "bacl/lvis-v1-r50-stage1"]) func stepsAreTimedWithoutData(_ recipe: String)
        throws
    {
        let set = (["init=null", "iterations=2"] + Self.small + Self.augmentation(recipe)).flatMap { ["--set", $0] }
        let bench = try Tool("lt-train").run(
            ["bench", "\(RecipeProofTests.models)/\(recipe).yaml", "--classes", "5", "--steps", "2", "--warm-up", "1"]
                + ["--json"] + set)
        #expect(bench.status == 0, "\(bench.error)")
        let times = try JSONSerialization.jsonObject(with: Data(bench.output.utf8)) as? [String: Any]
        #expect((times?["steps"] as? [Double])?.count == 2)
    }

    @Test(arguments: whole) func isProven(_ recipe: String) throws {
        let out = try Self.start(recipe)
        try RunFolder.expectFall(out, to: 0.1)
        try Self.expectDetector(recipe, out, ap50: 0.4)
        try RunFolder.expectResumed { out, flags in
            try Self.run(
                recipe, out: out, Self.fresh + Self.augmentation(recipe) + ["iterations=10", "optimizer.lr=0.002"],
                flags)
        }
    }

    /// Heads alone are trained: body, pyramid and the two linear layers stay as they were, to the bit.
    @Test(arguments: secondStages) func secondStageIsProven(_ recipe: String) throws {
        let first = try Self.start(recipe.replacingOccurrences(of: "stage2", with: "stage1"))
        let temporary = try TemporaryFolder()
        let out = temporary.file("fit")
        // Four pictures more than the first stage has seen: of its own it leaves nothing to learn.
        let fitted = try Self.run(recipe, out: out, Self.fit(recipe, iterations: 100) + ["train.limit=6"])
        #expect(fitted.status == 0, "\(fitted.error.suffix(600))")
        try RunFolder.expectFall(out, from: 3, to: 0.5)
        try Self.expectDetector(recipe, out, ap50: 0.3)

        let weights = try ["\(first)/model-last.onnx", "\(out)/model-last.onnx"].map {
            try Graph.read(path: $0).initializers
        }
        var moved: Set<String> = []
        for (name, tensor) in weights[0] where name.hasSuffix(".weight") || name.hasSuffix(".bias") {
            let other = try #require(weights[1][name], "\(name)")
            let isFrozen = name.hasPrefix("backbone.") || name.hasPrefix("roi_heads.box_head.")
            #expect(try tensor.array(of: Float.self).elementsEqual(other.array(of: Float.self)) == isFrozen, "\(name)")
            if !isFrozen { moved.insert(name.split(separator: ".").prefix(2).joined(separator: ".")) }
        }
        let heads = ["rpn.head", "roi_heads.box_predictor"]
        let masks = Self.hasMasks(recipe) ? ["roi_heads.mask_head", "roi_heads.mask_predictor"] : []
        #expect(moved == Set(heads + masks))

        try RunFolder.expectResumed { out, flags in
            try Self.run(
                recipe, out: out, Self.augmentation(recipe) + ["iterations=10", "optimizer.lr=0.002"], flags)
        }
    }

    @Test(arguments: deep) func deepBodiesTakeSteps(_ recipe: String) throws {
        var out = ""
        if recipe.contains("stage2") {
            _ = try Self.start(recipe.replacingOccurrences(of: "stage2", with: "stage1"))
            let temporary = try TemporaryFolder()
            out = temporary.file("run")
            let result = try Self.run(recipe, out: out, Self.augmentation(recipe) + ["iterations=2"])
            #expect(result.status == 0, "\(result.error.suffix(600))")
            try Self.expectDetector(recipe, out, ap50: 0)
        } else {
            out = try Self.start(recipe)
            try Self.expectDetector(recipe, out, ap50: 0)
        }
    }
}
