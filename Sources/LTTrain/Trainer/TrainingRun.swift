// TrainingRun: `lt-train run` as one call: recipe file and overrides to a folder with model.onnx, log.csv, reports.

import Foundation
import LTCore
import LTData
import LTDecision

/// Reads a recipe and its data, trains, exports, validates.
public struct TrainingRun {
    public var recipePath: String
    public var overrides: [String]
    public var out: String?
    public var resume: Bool
    public var threads: Int?

    public init(recipePath: String, overrides: [String], out: String?, resume: Bool, threads: Int?) {
        self.recipePath = recipePath
        self.overrides = overrides
        self.out = out
        self.resume = resume
        self.threads = threads
    }

    /// Runs to the end, or to a Ctrl-C.
    public func run() throws(LTError) {
        let recipe = try Recipe.read(recipePath, overrides: overrides)
        let name = URL(fileURLWithPath: recipePath).deletingPathExtension().lastPathComponent
        var options = Trainer.Options(out: out ?? recipe.out ?? "runs/\(name)")
        options.resume = resume
        options.threads = threads ?? recipe.threads ?? ProcessInfo.processInfo.activeProcessorCount
        signal(SIGINT) { _ in interruptions += 1 }
        signal(SIGTERM) { _ in interruptions += 1 }
        options.isInterrupted = { interruptions > 0 }
        Torch.keepMemory()
        let training = try TrainingSet(try recipe.train.read())
        let trainer = try Trainer(recipe, training: training, options: options)
        note("\(training.samples.count) images, \(training.labels.count) classes, \(trainer.summary)")
        var validation: [(name: String, set: TrainingSet)] = []
        for (name, split) in recipe.validate { validation.append((name, try TrainingSet(try split.read()))) }
        try trainer.run()
        note("wrote \(trainer.modelPath)")
        for (name, report) in try trainer.validate(validation, calibrateOn: recipe.calibrateOn) {
            try report.writeJSON("\(options.out)/report-\(name).json")
            print("\(name):\n\(report.text)")
        }
    }

    /// Times steps of the recipe; nothing is written.
    /// - Parameter classes: train on images of noise with so many classes instead of the recipe's data.
    public func benchmark(steps: Int, warmUp: Int, classes: Int?) throws(LTError) -> StepTimes {
        let recipe = try Recipe.read(recipePath, overrides: overrides)
        var options = Trainer.Options(out: "")
        options.threads = threads ?? recipe.threads ?? ProcessInfo.processInfo.activeProcessorCount
        options.silent = true
        Torch.keepMemory()
        let training: TrainingSet
        if let classes {
            training = try .noise(classes: classes, side: recipe.input.size)
        } else {
            training = try TrainingSet(try recipe.train.read())
        }
        return try Trainer(recipe, training: training, options: options).benchmark(steps: steps, warmUp: warmUp)
    }

    private func note(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
}

/// Signals so far; written by the handler only.
nonisolated(unsafe) private var interruptions = 0
