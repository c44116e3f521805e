// lt-eval detection: average precision and recall of a detector by LVIS's or COCO's rules.

import ArgumentParser
import LTCore
import LTEval

struct Detection: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Evaluate detections: LVIS and COCO average precision.",
        discussion: """
            Prints AP and AR in total and for the categories of each frequency group. The numbers are those of lvis-api \
            and COCO's API; docs/metrics.md says where and why the default differs, --strict-reference never does.
            """)

    @OptionGroup var input: DetectionOptions

    @Flag(help: "Print every metric, not only the main ones.")
    var all = false

    @Option(help: ArgumentHelp("Write the report as JSON.", valueName: "F.json"))
    var json: String?

    func run() throws {
        let evaluated = try input.evaluate()
        let report = try evaluated.evaluation.report(provenance: evaluated.provenance, figures: json != nil)
        print(report.text)
        if all { print("\n" + report.fullText) }
        if let json { try report.writeJSON(json) }
        if evaluated.isIncomplete { throw incomplete }
    }
}
