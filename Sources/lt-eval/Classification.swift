// lt-eval classification: metrics of multi-label and multi-class predictions.

import ArgumentParser
import LTDecision
import LTEval

struct Classification: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Evaluate predictions of a classifier, multi-label or multi-class.",
        discussion: """
            Prints mAP and F1 for the frequency groups and in total (multi-label), or accuracies (multi-class), and \
            calibration errors; docs/metrics.md defines each. With --model, decisions use \
            the thresholds and calibration that this file carries.
            """)

    @Option(help: ArgumentHelp("Raw scores, a .npy array [images, classes].", valueName: "F.npy"))
    var scores: String

    @Option(
        help: ArgumentHelp(
            "Labels, a .npy array: [images, classes] of 0 and 1, or [images] of class indices.", valueName: "F.npy"))
    var labels: String

    @Option(help: ArgumentHelp("The model file whose calibration and thresholds are judged.", valueName: "M.onnx"))
    var model: String?

    @OptionGroup var known: LayerOptions

    @OptionGroup var output: OutputOptions

    func run() throws {
        let file = try model.map { try ModelFile($0) }
        var input = try ClassificationInput(
            scoresFile: scores, labelsFile: labels, layer: file?.layer ?? DecisionLayer())
        input.provenance += file?.provenance ?? []
        try known.apply(to: &input.layer)
        try output.write(input)
    }
}
