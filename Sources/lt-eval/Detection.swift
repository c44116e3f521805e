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

    @OptionGroup var output: OutputOptions

    func run() throws {
        let evaluated = try input.evaluate(takesDigests: output.wantsFigures)
        let report = try evaluated.evaluation.report(provenance: evaluated.provenance, figures: output.wantsFigures)
        try output.write(report)
        if evaluated.isIncomplete { throw incomplete }
    }
}
