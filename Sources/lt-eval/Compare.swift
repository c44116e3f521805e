// lt-eval compare: what one detector gains over another on the same ground truth.

import ArgumentParser
import LTCore
import LTEval

struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare two detectors' results on one ground truth.",
        discussion: """
            Draws images with replacement and evaluates both results on the same draws: the intervals are of the \
            differences. JSON has them for every category.
            """)

    @Argument(help: ArgumentHelp("The first results, a COCO results file or a prediction store.", valueName: "A"))
    var first: String

    @Argument(help: ArgumentHelp("The second results: differences are second − first.", valueName: "B"))
    var second: String

    @Option(help: ArgumentHelp("The ground truth: an LVIS or COCO annotation file.", valueName: "GT.json"))
    var gt: String

    @OptionGroup var rules: DetectionRuleOptions

    @Option(help: ArgumentHelp("Resamples.", valueName: "N"))
    var bootstrap = 1000

    @Option(help: "Chooses the resamples; the same seed draws the same images.")
    var seed: UInt64 = 0

    @OptionGroup var output: OutputOptions

    func run() throws {
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
