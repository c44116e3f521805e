// Runs with validation, selection, averaged weights, accumulation: what is chosen is the best, and a run that was cut
// anywhere gives the files of one that was not.

import Foundation
import LTCore
import LTDecision
import LTEval
import LTGraph
import LTTrain
import Testing

@Suite struct ValidationTests {
    static let validate = "validate={val: {annotations: a, images: b}, select: {on: val}}"
    static let everything = [
        validate, "ema={decay: 0.8}", "accumulate=2", "batch=2", "iterations=11", "checkpoint_every=3",
        "optimizer={name: adamw, lr: 0.01, weight_decay: 0.01}", "tensorboard=true",
    ]

    static func trainer(
        _ overrides: [String], out: String, set: TrainingSet = Fixtures.trainingSet,
        _ change: (inout Trainer.Options) -> Void = { _ in }
    ) throws -> Trainer {
        var options = Trainer.Options(out: out)
        options.silent = true
        change(&options)
        let recipe = try Recipe(yaml: testRecipe, overrides: overrides)
        let splits = recipe.validation.splits.map { Trainer.Split(name: $0.name, set: set, every: $0.every) }
        return try Trainer(recipe, training: set, validation: splits, options: options)
    }

    /// One class per image.
    static var singleLabels: TrainingSet {
        var set = Fixtures.trainingSet
        set.targets = set.targets.map { [$0[0]] }
        return set
    }

    static func lines(_ folder: String, _ name: String) throws -> [String] {
        String(decoding: try TrainerTests.bytes(folder, name), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// log.jsonl without the times.
    static func epochs(_ folder: String) throws -> [NSDictionary] {
        try lines(folder, "log.jsonl").map { line in
            var object = try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            for key in ["seconds", "validation_seconds", "wait_seconds"] {
                #expect(flat(object.removeValue(forKey: key)).count == 1)
            }
            return object as NSDictionary
        }
    }

    static func expectSame(_ a: String, _ b: String, _ names: [String], _ comment: String) throws {
        for name in names {
            #expect(try TrainerTests.bytes(a, name) == TrainerTests.bytes(b, name), "\(name), \(comment)")
        }
        #expect(try epochs(a) == epochs(b), "\(comment)")
    }

    static let files = ["checkpoint.safetensors", "best.safetensors", "log.csv", "model.onnx", "model-last.onnx"]

    @Test(arguments: ["uniform", "class-aware"])
    func cutAnywhereItGivesTheSameFiles(sampler: String) throws {
        let overrides = Self.everything + ["sampler.name=\(sampler)"]
        let whole = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: whole) }
        #expect(try Self.trainer(overrides, out: whole).run())
        #expect(try Self.lines(whole, "log.csv").count == 12)
        let events = try [UInt8](TrainerTests.bytes(whole, "events.out.tfevents.longtail"))
        let steps = EventFile.read(events).filter { $0.tags.contains("train/loss") }.map(\.step)
        #expect(steps == Array(0..<11))
        for cuts in [[4], [2, 3, 8], [6], [10]] {
            let parts = Fixtures.temporary()
            defer { try? FileManager.default.removeItem(atPath: parts) }
            for (position, cut) in cuts.enumerated() {
                try Self.trainer(overrides, out: parts) {
                    $0.resume = position > 0
                    $0.stopAfter = cut
                }.run()
            }
            // A kill: the state is older than the logs, and the last line is torn.
            let state = try TrainerTests.bytes(parts, "checkpoint.safetensors")
            try Self.trainer(overrides, out: parts) {
                $0.resume = true
                $0.stopAfter = (cuts.last ?? 0) + 1
            }.run()
            try state.write(to: URL(fileURLWithPath: parts + "/checkpoint.safetensors"))
            for name in ["log.csv", "log.jsonl", "events.out.tfevents.longtail"] {
                let handle = try #require(FileHandle(forWritingAtPath: "\(parts)/\(name)"))
                try handle.seekToEnd()
                try handle.write(contentsOf: Data("10,1,0.".utf8))
                try handle.close()
            }
            #expect(try Self.trainer(overrides, out: parts) { $0.resume = true }.run())
            try Self.expectSame(whole, parts, Self.files, "cut at \(cuts)")
            let own = EventFile.read(try [UInt8](TrainerTests.bytes(parts, "events.out.tfevents.longtail")))
            #expect(own.map(\.step) == EventFile.read(events).map(\.step))
            #expect(own.map(\.tags) == EventFile.read(events).map(\.tags))
        }
    }

    /// Every loss that remembers something, where there is no other reason to stop.
    static let losses = LossTable.all.map { $0.name }.filter { !["distribution-balanced", "softmax-ce"].contains($0) }

    @Test(arguments: losses)
    func lossesGoOnToTheBit(loss: String) throws {
        let overrides = [
            "loss={name: \(loss)}", "network={name: resnet, blocks: [1, 1], width: 4}", "sampler.name=uniform",
            "validate={val: {annotations: a, images: b}}", "epochs=3", "iterations=null", "checkpoint_every=100",
            "optimizer={name: sgd, lr: 1e-4}",
        ]
        let (whole, parts) = (Fixtures.temporary(), Fixtures.temporary())
        defer { for folder in [whole, parts] { try? FileManager.default.removeItem(atPath: folder) } }
        try Self.trainer(overrides, out: whole, set: Self.singleLabels).run()
        for cut in [2, 3, 7] {
            try Self.trainer(overrides, out: parts, set: Self.singleLabels) {
                $0.resume = cut > 2
                $0.stopAfter = cut
            }.run()
        }
        try Self.trainer(overrides, out: parts, set: Self.singleLabels) { $0.resume = true }.run()
        try Self.expectSame(whole, parts, ["checkpoint.safetensors", "log.csv", "model.onnx"], loss)
    }

    @Test func interruptedAtTheEndOfAnEpochTheValidationComesLater() throws {
        let (whole, parts) = (Fixtures.temporary(), Fixtures.temporary())
        defer { for folder in [whole, parts] { try? FileManager.default.removeItem(atPath: folder) } }
        let overrides = [Self.validate, "iterations=6", "checkpoint_every=100"]
        try Self.trainer(overrides, out: whole).run()
        // An epoch of class-aware sampling here is 3 draws or more; interrupt after each iteration in turn.
        var iterations = 0
        while true {
            let done = try? Self.trainer(overrides, out: parts) {
                $0.resume = iterations > 0
                $0.isInterrupted = { true }
            }.run()
            iterations += 1
            if done == true || iterations > 20 { break }
            let error = #expect(throws: LTError.self) {
                guard iterations < 6 else { throw LTError(.cancelled, "the end") }
                try Self.trainer(overrides, out: parts) {
                    $0.resume = true
                    $0.isInterrupted = { true }
                }.run()
            }
            #expect(error?.code == .cancelled)
            if iterations >= 6 { break }
        }
        try Self.trainer(overrides, out: parts) { $0.resume = true }.run()
        try Self.expectSame(whole, parts, Self.files, "interrupted")
    }

    @Test func theBestEpochIsExported() throws {
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let trainer = try Self.trainer(
            [
                "validate={val: {annotations: a, images: b}, test: {annotations: c, images: d, every: 0}, "
                    + "select: {on: val, metric: F1_macro}}",
                "epochs=8", "iterations=null", "optimizer.lr=0.2", "schedule={name: constant}", "loss={name: bce}",
                "seed=4",
            ], out: folder)
        try trainer.run()
        let best = try #require(trainer.best)
        let epochs = try Self.epochs(folder)
        #expect(epochs.count == 8)
        let values = epochs.compactMap { epoch in
            ((epoch["validation"] as? [String: Any])?["val"] as? [String: Double])?["F1_macro"]
        }
        #expect(values.count == 8 && epochs.allSatisfy { ($0["validation"] as? [String: Any])?["test"] == nil })
        // JSONSerialization reads numbers to 15 digits.
        let greatest = try #require(values.max())
        #expect(abs(greatest - best.value) < 1e-12 && values.firstIndex(of: greatest) == best.epoch - 1)
        #expect(best.epoch > 1 && best.epoch < 8, "a case in which first, best and last differ")
        #expect(epochs.last?["best"] as? Int == best.epoch)
        // model.onnx has that value, and the reports are of it.
        let reports = try trainer.reports()
        #expect(reports.map(\.name) == ["val", "test"])
        #expect(reports[0].report.value("at_0.5", "F1_macro") == best.value)
        let saved = try Checkpoint.read(folder + "/best.safetensors")
        let model = try Graph.read(path: folder + "/model.onnx")
        for (name, tensor) in saved.tensors {
            #expect(try tensor.array(of: Float.self) == model.initializers[name]?.array(of: Float.self))
        }
        let last = try Graph.read(path: folder + "/model-last.onnx")
        let state = try Checkpoint.read(folder + "/checkpoint.safetensors")
        #expect(
            try state.tensors["fc.weight"]?.array(of: Float.self)
                == last.initializers["fc.weight"]?.array(of: Float.self))
    }

    @Test func averagedWeightsAreValidatedAndExported() throws {
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let trainer = try Self.trainer(["ema={decay: 0.9, warmup: false}", "loss={name: bce}"], out: folder)
        try trainer.run()
        let state = try Checkpoint.read(folder + "/checkpoint.safetensors")
        let model = try Graph.read(path: folder + "/model.onnx").initializers
        let average = state.part("ema/average/")
        #expect(average.keys.contains("bn1.running_mean") && average.keys.contains("fc.weight"))
        for (name, tensor) in average {
            #expect(try tensor.array(of: Float.self) == model[name]?.array(of: Float.self))
            #expect(try tensor.array(of: Float.self) != state.tensors[name]?.array(of: Float.self), "\(name)")
        }
    }

    @Test func accumulatedGradientsAreThoseOfTheWholeBatch() throws {
        func weights(_ overrides: [String]) throws -> [Float] {
            let folder = Fixtures.temporary()
            defer { try? FileManager.default.removeItem(atPath: folder) }
            // No batch normalisation in training form, no dropout: parts of a batch do not see each other.
            let trainer = try Self.trainer(
                [
                    "freeze={batch_norm: true}", "network.pfc=0", "augment={}", "loss={name: bce}", "iterations=3",
                    "sampler={name: uniform}", "optimizer={name: sgd, lr: 0.1}",
                ] + overrides, out: folder)
            try trainer.run()
            return try trainer.export().initializers["fc.weight"]?.array(of: Float.self) ?? []
        }
        let whole = try weights(["batch=6"])
        let parts = try weights(["batch=2", "accumulate=3"])
        #expect(deviation(parts.map(Double.init), whole.map(Double.init)) < 1e-5)
        #expect(try weights(["batch=2"]) != whole)
    }

    @Test func stepsWithoutANumberAreSkippedUpToALimit() throws {
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // A learning rate that destroys the weights: every loss after it is no number.
        let overrides = [
            "loss={name: bce}", "schedule={name: constant}", "iterations=60", "freeze={batch_norm: true}",
            "checkpoint_every=1",
        ]
        let error = #expect(throws: LTError.self) {
            try Self.trainer(overrides + ["optimizer={name: sgd, lr: 1000, skip_nan: 3}"], out: folder).run()
        }
        #expect(error?.code == .notFinite && error?.hint?.contains("skip_nan") ?? false)
        let rows = try Self.lines(folder, "log.csv").dropFirst()
        #expect(rows.count { $0.contains("nan") } == 3)
    }

    @Test func taskFollowsDataAndLoss() throws {
        func layer(_ overrides: [String], _ set: TrainingSet) throws -> DecisionLayer {
            try DecisionLayer(reading: try Self.trainer(overrides, out: "/nowhere", set: set).export())
        }
        let single = Self.singleLabels
        let sigmoid = try layer(["loss={name: bce}"], single)
        #expect(sigmoid.task == .multiclass && sigmoid.activation == .sigmoid)
        let softmax = try layer(["loss={name: softmax-ce}"], single)
        #expect(softmax.task == .multiclass && softmax.activation == .softmax)
        #expect(try layer(["loss={name: bce}"], Fixtures.trainingSet).task == .multilabel)
        #expect(try layer(["loss={name: bce}", "task=multilabel"], single).task == .multilabel)
        #expect(sigmoid.provenance?.versions?["longtail"] == longtailVersion)
    }

    @Test func mistakesInTheSectionAreNamed() throws {
        func message(_ validate: String, _ more: [String] = []) throws -> String {
            let error = #expect(throws: LTError.self) {
                try Self.trainer(["validate=\(validate)"] + more, out: "/nowhere")
            }
            return error?.description ?? ""
        }
        let val = "val: {annotations: a, images: b}"
        #expect(try message("{\(val), select: {on: test}}").contains("there is no split 'test', expected one of val"))
        #expect(try message("{\(val), calibrate_on: cal}").contains("there is no split 'cal'"))
        #expect(try message("{\(val), every: 0, select: {on: val}}").contains("`every` is 0"))
        #expect(try message("{\(val), select: {metric: recall}}").contains("expected one of mAP"))
        #expect(try message("{\(val), select: {metric: mAP/few}}").contains("head, middle, tail"))
        #expect(try message("{\(val), select: {best: val}}").contains("unknown key 'validate.select.best'"))
        let single = #expect(throws: LTError.self) {
            try Self.trainer(
                ["validate={\(val), calibrate_on: val}", "loss={name: bce}"], out: "/nowhere", set: Self.singleLabels)
        }
        #expect(single?.message.contains("has no calibration") ?? false)
        var other = Fixtures.trainingSet
        other.labels[0].name = "crimson"
        let recipe = try Recipe(yaml: testRecipe, overrides: ["validate={\(val)}"])
        let error = #expect(throws: LTError.self) {
            try Trainer(
                recipe, training: Fixtures.trainingSet, validation: [Trainer.Split(name: "val", set: other)],
                options: Trainer.Options(out: "/nowhere"))
        }
        #expect(error?.code == .shapeMismatch && error?.context == ["validation split 'val'"])
    }

    @Test func thePageHasCurvesAndResults() throws {
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let trainer = try Self.trainer([Self.validate, "epochs=3", "iterations=null"], out: folder)
        try trainer.run()
        try trainer.writePage(try trainer.reports(), to: folder + "/report.html")
        let page = String(decoding: try TrainerTests.bytes(folder, "report.html"), as: UTF8.self)
        for part in ["\"training_loss\"", "\"learning_rate\"", "\"validation_val_mAP\"", "\"marker\":", "lt-train"] {
            #expect(page.contains(part), "\(part)")
        }
        let bare = try Self.trainer(["iterations=2"], out: folder)
        try bare.run()
        try bare.writePage(try bare.reports(), to: folder + "/report.html")
        #expect(
            String(decoding: try TrainerTests.bytes(folder, "report.html"), as: UTF8.self).contains("training_loss"))
    }
}
