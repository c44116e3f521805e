// lt-eval classification: metrics of multi-label and multi-class predictions.

import ArgumentParser
import LTDecision
import LTEval

struct Classification: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Evaluate predictions of a classifier, multi-label or multi-class.",
        discussion: """
            Prints mAP and F1 for the frequency groups and in total (multi-label), or accuracies (multi-class), and \
            calibration errors; docs/metrics.md defines each. With --model, decisions use the thresholds and \
            calibration that this file carries; otherwise those of the model that predicted.
            """)

    @Option(help: ArgumentHelp("Raw scores, a .npy array [images, classes].", valueName: "F.npy"))
    var scores: String?

    @Option(
        help: ArgumentHelp(
            "Labels, a .npy array: [images, classes] of 0 and 1, or [images] of class indices.", valueName: "F.npy"))
    var labels: String?

    @OptionGroup var store: StoreOptions

    @Option(help: ArgumentHelp("The model file whose calibration and thresholds are judged.", valueName: "M.onnx"))
    var model: String?

    @OptionGroup var known: LayerOptions

    @OptionGroup var output: OutputOptions

    func validate() throws {
        let arrays = scores != nil || labels != nil
        let stored = !store.predictions.isEmpty || store.data != nil
        guard arrays != stored else {
            throw ValidationError("give either --scores and --labels, or --predictions and --data")
        }
        if arrays, scores == nil || labels == nil { throw ValidationError("--scores and --labels go together") }
        if stored, store.predictions.isEmpty || store.data == nil {
            throw ValidationError("--predictions and --data go together")
        }
    }

    func run() throws {
        let file = try model.map { try ModelFile($0) }
        var input =
            if let scores, let labels {
                try ClassificationInput(scoresFile: scores, labelsFile: labels, layer: file?.layer ?? DecisionLayer())
            } else {
                try store.read(model: file).input
            }
        input.provenance += file?.provenance ?? []
        try known.apply(to: &input.layer)
        try output.write(input)
    }
}
