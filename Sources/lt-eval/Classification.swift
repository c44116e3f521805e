// lt-eval classification: metrics of multi-label and multi-class predictions.

import ArgumentParser
import LTData
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

    @Option(
        help: ArgumentHelp(
            "Raw scores [images, classes]: .npy, .csv, .tsv or .jsonl; files of `lt-infer run --csv` and --jsonl too.",
            valueName: "F"))
    var scores: String?

    @Option(
        help: ArgumentHelp(
            "Labels: .npy, .csv, .tsv or .jsonl; 0 and 1 per image and class, lists of classes, or one class per image.",
            discussion: "Rows join by id where both files have ids, else by position. docs/metrics.md has the formats.",
            valueName: "F"))
    var labels: String?

    @OptionGroup var store: StoreOptions

    @Option(help: ArgumentHelp("The model file whose calibration and thresholds are judged.", valueName: "M.onnx"))
    var model: String?

    @OptionGroup var known: LayerOptions

    @Option(
        help: ArgumentHelp(
            "The only metrics to compute, by their keys, as mAP,F1_macro; quick for large arrays.", valueName: "names"))
    var metrics: String?

    @Option(
        help: ArgumentHelp("Multi-class: further top-k accuracies beside 1 and 5, as 3,10.", valueName: "k"))
    var topK: String?

    @Option(
        help: ArgumentHelp(
            "Multi-class: images whose greatest probability is below are rejected; labels may be -1 (none of the classes).",
            valueName: "threshold"))
    var openSet: Double?

    @OptionGroup var output: OutputOptions

    func validate() throws {
        let arrays = scores != nil
        guard arrays != !store.predictions.isEmpty, labels == nil || store.data == nil else {
            throw ValidationError("give --scores with --labels or --data, or --predictions with --data")
        }
        guard (arrays ? labels ?? store.data : store.data) != nil else {
            throw ValidationError(
                arrays ? "--scores needs --labels or --data" : "--predictions and --data go together")
        }
        if !arrays, labels != nil { throw ValidationError("--labels goes with --scores") }
        if let openSet, !(0...1).contains(openSet) {
            throw ValidationError("--open-set is \(openSet), expected 0 … 1")
        }
        _ = try ks()
    }

    private func ks() throws -> [Int] {
        try (topK ?? "").split(separator: ",").map { text in
            guard let k = Int(text), k >= 1 else {
                throw ValidationError("--top-k has '\(text)', expected whole numbers above 0")
            }
            return k
        }
    }

    func run() throws {
        let file = try model.map { try ModelFile($0) }
        var input: ClassificationInput
        if let scores {
            var layer = file?.layer ?? DecisionLayer()
            try known.apply(to: &layer)
            if let labels {
                input = try ClassificationInput(
                    scoresFile: scores, labelsFile: labels, layer: layer, openSet: openSet != nil,
                    skippingMissing: store.skipMissing, digests: output.isWritten)
            } else {
                input = try ClassificationInput(
                    scoresFile: scores, with: Dataset.read(store.data ?? ""), layer: layer,
                    skippingMissing: store.skipMissing)
            }
        } else {
            input = try store.read(model: file).input
            try known.apply(to: &input.layer)
        }
        input.provenance += file?.provenance ?? []
        input.topK = try ks()
        input.openSet = openSet
        input.metrics = metrics.map { Set($0.split(separator: ",").map { String($0) }) }
        try output.write(input)
    }
}
