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
            "How scores become probabilities: temperature (one per class), temperature-shared, platt (slope and offset per class).",
            discussion: "Default: platt; temperature for multi-class models."))
    var method: CalibrationOptions.Method?

    @Option(
        help: ArgumentHelp(
            "What the per-class thresholds maximise.", discussion: "Default: f1; none for multi-class models."))
    var thresholds: CalibrationOptions.Objective?

    @Option(help: "Classes with fewer positives, or negatives, share what they cannot fit alone.")
    var minimumPositives = 10

    @Option(help: ArgumentHelp("The model file to write.", valueName: "NEW.onnx"))
    var out: String

    @OptionGroup var known: LayerOptions

    func validate() throws {
        guard !store.predictions.isEmpty, store.data != nil else {
            throw ValidationError("give --predictions and --data")
        }
        guard minimumPositives >= 1 else {
            throw ValidationError("--minimum-positives is \(minimumPositives), expected at least 1")
        }
    }

    func run() throws {
        let file = try ModelFile(model)
        var (input, source) = try store.read(model: file)
        try known.apply(to: &input.layer)
        let layer = try input.fitted(
            method: method, thresholds: thresholds, minimumPositives: minimumPositives,
            model: "sha256:" + source.modelDigest)
        var graph = file.graph
        try layer.write(into: &graph)
        try graph.write(to: out)
        input.layer = layer
        print("\(out) carries calibration and thresholds; on the images they were fitted on:")
        print(try input.report().text)
        if input.skipped > 0 { throw incomplete }
    }
}
