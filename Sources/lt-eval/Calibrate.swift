// lt-eval calibrate: fits calibration and thresholds on held-out predictions and writes them into a new model file.

import ArgumentParser
import LTCore
import LTEval

struct Calibrate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fit calibration and per-class thresholds, and write a model file that carries them.",
        discussion: """
            Fits on the given predictions, which should be of images that neither training nor the final evaluation \
            sees; evaluations on the same predictions say so. The network itself stays as it is.
            """)

    @Argument(help: "The model that made the predictions.")
    var model: String

    @OptionGroup var store: StoreOptions

    @Option(
        help: ArgumentHelp(
            "How scores become probabilities: temperature (one per class), temperature-shared, platt, beta, isotonic; vector (multi-class).",
            discussion: "Default: platt; temperature for multi-class models. docs/metrics.md says when which."))
    var method: CalibrationOptions.Method?

    @Option(
        help: ArgumentHelp(
            "What the per-class thresholds are best for: f1, precision=P (greatest recall with a precision of P), recall=R, cost=FP:FN, none.",
            discussion: "Default: f1; none for multi-class models.", valueName: "objective"),
        transform: { try ThresholdObjective($0) })
    var thresholds: ThresholdObjective?

    @Option(
        help: ArgumentHelp(
            "A class with this many positives leans half on its frequency group, one with fewer leans more.",
            discussion: "0 leaves every class to itself.", valueName: "positives"))
    var shrinkage = Shrinkage.defaultPositives

    @Option(
        help: ArgumentHelp(
            "Also fits on all folds but one and measures on that one, for numbers that are not of the images of the fit. 0: not."
        )
    )
    var folds = 5

    @Flag(
        help: ArgumentHelp(
            "Also makes scores and decisions by nodes of the graph, as outputs of their own for other runtimes."))
    var intoGraph = false

    @Option(help: ArgumentHelp("The model file to write.", valueName: "NEW.onnx"))
    var out: String

    @OptionGroup var known: LayerOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard !store.predictions.isEmpty, store.data != nil else {
            throw ValidationError("give --predictions and --data")
        }
        guard shrinkage >= 0, shrinkage.isFinite else {
            throw ValidationError("--shrinkage is \(shrinkage), expected at least 0")
        }
        guard folds == 0 || folds >= 2 else {
            throw ValidationError("--folds is \(folds), expected 0 or at least 2")
        }
    }

    func run() throws {
        let file = try ModelFile(model)
        var (input, source) = try store.read(model: file)
        try known.apply(to: &input.layer)
        let options = input.options(method: method, thresholds: thresholds, shrinkage: shrinkage)
        var layer = try input.fitted(options, model: "sha256:" + source.modelDigest)
        let crossed = folds == 0 ? nil : try input.crossFitted(options, folds: folds)
        layer.calibration?.eceCrossFitted = crossed?.ece
        var graph = file.graph
        layer.removeOutputs(from: &graph)
        if intoGraph { try layer.addOutputs(to: &graph) }
        try layer.write(into: &graph)
        try graph.write(to: out)
        input.layer = layer
        print("\(out) carries calibration and thresholds; on the images they were fitted on:")
        var report = try input.report(figures: output.wantsFigures)
        if let crossed { report.add(crossed) }
        try output.write(report)
        if input.skipped > 0 { throw incomplete }
    }
}
