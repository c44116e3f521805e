// lt-train run: trains a recipe.

import ArgumentParser
import LTTrain

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a recipe and write models, logs, checkpoints and reports to a folder.",
        discussion: """
            The folder receives model.onnx (of the best epoch with `validate.select`, then model-last.onnx too), report.html with \
            curves and results, report-SPLIT.json, log.csv (iterations), log.jsonl (epochs), checkpoint.safetensors and \
            best.safetensors. Ctrl-C writes a checkpoint; --resume goes on from it, also after a kill, to the same bits.

            Recipes key by key: models/README.md. How a run works: docs/training.md. Losses, samplers, schedules: lt-train losses.
            """)

    @Argument(help: "The recipe, a YAML file.")
    var recipe: String

    @Option(help: "The output folder. Default: the recipe's `out`, else runs/ and the recipe's name.")
    var out: String?

    @Flag(
        help:
            "Go on from the output folder's checkpoint; the result is the same as without the interruption."
    )
    var resume = false

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Override a value of the recipe; may be given several times.", valueName: "key.path=value"))
    var overrides: [String] = []

    @Option(help: ArgumentHelp("End after so many iterations of the run, with a checkpoint.", valueName: "iterations"))
    var stopAfter: Int?

    @Option(help: "Where to train: cpu, cuda or cuda:N. Default: the recipe's `device`, else cpu.")
    var device: String?

    @Option(
        help: "Threads of libtorch. Default: the recipe's `threads`, else the number of cores that the process may use."
    )
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads \(threads), expected 1 to 1024")
        }
        if let stopAfter, stopAfter < 1 { throw ValidationError("--stop-after \(stopAfter), expected 1 or more") }
    }

    func run() throws {
        var training = TrainingRun(
            recipePath: recipe, overrides: overrides + (device.map { ["device=\($0)"] } ?? []), out: out,
            resume: resume,
            threads: threads)
        training.stopAfter = stopAfter
        try training.run()
    }
}
