// Where a report goes.

import ArgumentParser
import LTEval

struct OutputOptions: ParsableArguments {
    @Flag(help: "Print every metric, not only the main ones.")
    var all = false

    @Option(help: ArgumentHelp("Write the report as JSON.", valueName: "F.json"))
    var json: String?

    /// Evaluates, prints and writes.
    /// - Throws: exit code 2 when images were left out.
    func write(_ input: ClassificationInput) throws {
        let report = try input.report(figures: json != nil)
        print(report.text)
        if all { print("\n" + report.fullText) }
        if let json { try report.writeJSON(json) }
        if input.skipped > 0 { throw incomplete }
    }
}
