// TrainingRun: `lt-train run` as one call: recipe file and overrides to a folder with models, logs and reports.

import Foundation
import LTCore
import LTData
import LTDecision

/// Reads a recipe and its data, trains, exports, reports.
public struct TrainingRun {
    public var recipePath: String
    public var overrides: [String]
    public var out: String?
    public var resume: Bool
    public var threads: Int?
    /// Ends after so many iterations with a checkpoint.
    public var stopAfter: Int?

    public init(recipePath: String, overrides: [String], out: String?, resume: Bool, threads: Int?) {
        self.recipePath = recipePath
        self.overrides = overrides
        self.out = out
        self.resume = resume
        self.threads = threads
    }

    /// Runs to the end, or to a Ctrl-C; with the other processes where mpirun started several. A process that fails ends
    /// them all.
    public func run() throws(LTError) {
        let group = try MPIProcesses.launched()
        guard let processes = group as? MPIProcesses else { return try run(group) }
        do throws(LTError) { try run(group) } catch {
            guard error.code == .cancelled else { processes.fail(error) }
            // All stopped at the same iteration; one says so, at once: mpirun may not wait long.
            if processes.rank == 0 { processes.report(error) }
            try processes.finish()
            exit(1)
        }
        try processes.finish()
    }

    private func run(_ group: any ProcessGroup) throws(LTError) {
        let recipe = try Recipe.read(recipePath, overrides: overrides)
        let name = URL(fileURLWithPath: recipePath).deletingPathExtension().lastPathComponent
        var options = Trainer.Options(out: out ?? recipe.out ?? "runs/\(name)")
        options.resume = resume
        options.threads = threads ?? recipe.threads ?? group.cores
        signal(SIGUSR1) { _ in interruptions += 1 }
        signal(SIGINT) { _ in interruptions += 1 }
        signal(SIGTERM) { _ in interruptions += 1 }
        options.isInterrupted = { interruptions > 0 }
        options.stopAfter = stopAfter
        Torch.prepareTraining()
        let trainer = try trainer(recipe, options, group)
        let speaks = group.rank == 0
        if speaks { for text in trainer.notes { note(text) } }
        if speaks { note("\(trainer.dataSummary), \(trainer.summary)") }
        let isDone = try trainer.run()
        guard speaks else { return }
        guard isDone else {
            note("stopped after iteration \(stopAfter ?? 0) as asked; --resume goes on")
            return
        }
        let reports = try trainer.reports()
        for (name, report) in reports {
            try report.writeJSON("\(options.out)/report-\(name).json")
            print("\(name):\n\(report.text)")
        }
        try trainer.writePage(reports, to: "\(options.out)/report.html")
        note(trainer.closing)
        for (path, what) in trainer.written { note("  \(path)  \(what)") }
    }

    /// Reads the recipe's data and builds what trains on them.
    private func trainer(
        _ recipe: Recipe, _ options: Trainer.Options, _ group: any ProcessGroup
    ) throws(LTError) -> Trainer {
        guard let detection = recipe.detection else {
            let training = try within("train") { () throws(LTError) in try TrainingSet(try recipe.train.read()) }
            var splits: [Trainer.Split] = []
            for split in recipe.validation.splits {
                let set = try within("validate.\(split.name)") { () throws(LTError) in
                    try TrainingSet(try split.source.read())
                }
                splits.append(Trainer.Split(name: split.name, set: set, every: split.every))
            }
            return try Trainer(recipe, training: training, validation: splits, options: options, group: group)
        }
        let training = try within("train") { () throws(LTError) in
            try DetectionSet(
                try recipe.train.read(), needsMasks: Self.needsMasks(recipe), emptyPictures: detection.emptyPictures)
        }
        var splits: [DetectionSplit] = []
        for split in recipe.validation.splits {
            let dataset = try within("validate.\(split.name)") { () throws(LTError) in try split.source.read() }
            splits.append(
                DetectionSplit(
                    name: split.name, dataset: dataset, isFederated: split.source.format.name == "lvis",
                    every: split.every))
        }
        return try Trainer(recipe, detection: training, validation: splits, options: options, group: group)
    }

    /// Times steps of the recipe, of all processes where mpirun started several; nothing is written.
    /// - Parameter classes: train on images of noise with so many classes instead of the recipe's data.
    /// - Returns: nil in all processes but the first.
    public func benchmark(steps: Int, warmUp: Int, classes: Int?) throws(LTError) -> StepTimes? {
        let group = try MPIProcesses.launched()
        let recipe = try Recipe.read(recipePath, overrides: overrides)
        var options = Trainer.Options(out: "")
        options.threads = threads ?? recipe.threads ?? group.cores
        options.silent = true
        Torch.prepareTraining()
        let trainer: Trainer
        if let classes {
            trainer = try noise(recipe, classes, options, group)
        } else {
            trainer = try self.trainer(recipe, options, group)
        }
        let times = try trainer.benchmark(steps: steps, warmUp: warmUp)
        try (group as? MPIProcesses)?.finish()
        return group.rank == 0 ? times : nil
    }

    private func noise(
        _ recipe: Recipe, _ classes: Int, _ options: Trainer.Options, _ group: any ProcessGroup
    ) throws(LTError) -> Trainer {
        guard recipe.detection == nil else {
            return try Trainer(
                recipe,
                detection: try .noise(classes: classes, recipe.input, needsMasks: Self.needsMasks(recipe)),
                options: options, group: group)
        }
        let training = try TrainingSet.noise(classes: classes, recipe.input)
        // Nothing is validated, but losses that learn from a validation ask for one.
        return try Trainer(
            recipe, training: training,
            validation: recipe.validation.splits.map {
                Trainer.Split(name: $0.name, set: training, every: $0.every)
            }, options: options, group: group)
    }

    /// Whether a detector's training needs masks.
    private static func needsMasks(_ recipe: Recipe) -> Bool {
        (recipe.network as? RCNN)?.masks != nil || recipe.detection?.augmentation.paste != nil
    }

    private func note(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
}

extension Trainer {
    /// How the run went, in a line.
    var closing: String {
        var parts = ["\(length.iterations) iterations"]
        if times.total > 0 {
            let total = times.total
            let share = { (seconds: Double) in String(format: "%.0f %%", 100 * seconds / total) }
            parts[0] += " in \(TrainingProgress.time(times.total))"
            parts.append("\(share(times.waiting)) of the time waiting for data, \(share(times.validating)) validating")
        }
        if optimizer.skipped > 0 { parts.append("\(optimizer.skipped) steps skipped that were no numbers") }
        if let best, let selection {
            parts.append(
                "best epoch \(best.epoch) (\(selection.metric) \(String(format: "%.4f", best.value)) on \(selection.split))"
            )
        }
        return parts.joined(separator: "; ")
    }

    /// What lies in the folder.
    var written: [(path: String, what: String)] {
        var files = [(modelPath, best == nil ? "the model" : "the model of the best epoch")]
        if best != nil { files.append((lastModelPath, "the model of the last epoch")) }
        files.append(("\(options.out)/report.html", "curves and results, for a browser"))
        files += task.reportNames.map { ("\(options.out)/report-\($0).json", "all values on \($0)") }
        files.append((log.csvPath, "each iteration"))
        files.append((log.jsonPath, "each epoch"))
        if recipe.tensorboard { files.append((log.eventPath, "for `tensorboard --logdir \(options.out)`")) }
        return files
    }
}

/// Signals so far; written by the handler only.
nonisolated(unsafe) private var interruptions = 0
