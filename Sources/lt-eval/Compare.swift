// lt-eval compare: what one model gains over another, or one precision over another, on the same images.

import ArgumentParser
import LTCore
import LTData
import LTDecision
import LTEval

struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare two models' predictions of the same images.",
        discussion: """
            Draws images with replacement and evaluates both on the same draws: the intervals are of the differences. \
            Detectors: --gt; JSON has every category. Classifiers: --data or --labels; the metrics are the main ones of \
            `lt-eval classification`, or those of --metrics, and how far the two agree, whatever is right.
            """)

    @Argument(
        help: ArgumentHelp(
            "The first: a prediction store; of detectors also a COCO results file, of classifiers also raw scores.",
            valueName: "A"))
    var first: String

    @Argument(help: ArgumentHelp("The second: differences are second − first.", valueName: "B"))
    var second: String

    @Option(help: ArgumentHelp("The detectors' ground truth: an LVIS or COCO annotation file.", valueName: "GT.json"))
    var gt: String?

    @Option(
        help: ArgumentHelp(
            "The classifiers' truth: a COCO or LVIS annotation file, or a folder of one folder per class.",
            valueName: "annotations"))
    var data: String?

    @Option(help: ArgumentHelp("The truth of raw scores: .npy, .csv, .tsv or .jsonl.", valueName: "F"))
    var labels: String?

    @Option(
        help: ArgumentHelp("Classifiers: the metrics to compare, by their keys, as mAP,F1_macro.", valueName: "names"))
    var metrics: String?

    @OptionGroup var known: LayerOptions

    @OptionGroup var rules: DetectionRuleOptions

    @Option(help: ArgumentHelp("Resamples. Default: 1000, of classifiers 200.", valueName: "N"))
    var bootstrap: Int?

    @Option(help: "Chooses the resamples; the same seed draws the same images.")
    var seed: UInt64 = 0

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard [gt, data, labels].count(where: { $0 != nil }) == 1 else {
            throw ValidationError("give --gt for detectors, or one of --data and --labels for classifiers")
        }
        if gt != nil, metrics != nil { throw ValidationError("--metrics is of classifiers, --gt of detectors") }
    }

    func run() throws {
        if let gt { try compareDetectors(gt) } else { try compareClassifiers() }
    }

    private func compareClassifiers() throws {
        func input(_ path: String) throws -> ClassificationInput {
            var input: ClassificationInput
            if let labels {
                var layer = DecisionLayer()
                try known.apply(to: &layer)
                input = try ClassificationInput(scoresFile: path, labelsFile: labels, layer: layer)
            } else if try DetectionSource.isStore(path) {
                input = try StoreOptions.read([path], with: Dataset.read(data ?? ""), model: nil, skipMissing: false)
                    .input
                try known.apply(to: &input.layer)
            } else {
                var layer = DecisionLayer()
                try known.apply(to: &layer)
                input = try ClassificationInput(scoresFile: path, with: Dataset.read(data ?? ""), layer: layer)
            }
            return input
        }
        let inputs: [ClassificationInput]
        do { inputs = [try input(first), try input(second)] } catch var error as LTError {
            // Both must have every image, so there is nothing to leave out.
            if error.code == .notFound { error.hint = "both must have scores of every image of the truth" }
            throw error
        }
        let comparison = try ClassificationComparison(
            inputs[0], inputs[1],
            metrics: metrics.map { Set($0.split(separator: ",").map { String($0) }) },
            resamples: bootstrap ?? 200, seed: seed, threads: rules.threads)
        var report = comparison.report(
            names: (first, second),
            provenance: [
                .init("first", .object(inputs[0].provenance)), .init("second", .object(inputs[1].provenance)),
                .init("resamples", .int(bootstrap ?? 200)), .init("seed", .string(String(seed))),
            ])
        report.notes = inputs.flatMap(\.notes)
        try output.write(report)
    }

    private func compareDetectors(_ gt: String) throws {
        let bootstrap = self.bootstrap ?? 1000
        let rules = try self.rules.rules()
        let threads = self.rules.threads
        let truth = try DetectionTruth.read(gt, rules: rules, threads: threads)
        let paths = [first, second]
        var matches: [DetectionMatches] = []
        var sources: [DetectionSource] = []
        for path in paths {
            let source = try DetectionSource(path, gt: gt, truth: truth, rules: rules, threads: threads)
            matches.append(try DetectionMatches(truth, source.results, rules: rules, threads: threads))
            sources.append(source)
        }
        let comparison = try DetectionComparison(
            matches[0], matches[1], truth, resamples: bootstrap, seed: seed, threads: threads)
        var report = comparison.report(
            truth, names: (first, second),
            provenance: [
                .init(
                    "gt",
                    .object([.init("file", .string(gt)), .init("sha256", truth.digest.map { .string($0) } ?? .null)])),
                .init("first", .object(sources[0].provenance)), .init("second", .object(sources[1].provenance)),
                .init("protocol", .string(rules.name)), .init("iou_type", .string(rules.iouType.rawValue)),
                .init("resamples", .int(bootstrap)), .init("seed", .string(String(seed))),
            ])
        report.notes = truth.notes + sources.flatMap { $0.results.notes + $0.notes } + report.notes
        try output.write(report)
        if sources.contains(where: { $0.failed > 0 }) { throw incomplete }
    }
}
