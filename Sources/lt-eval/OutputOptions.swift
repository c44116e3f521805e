// Where a report goes.

import ArgumentParser
import LTEval

struct OutputOptions: ParsableArguments {
    @Flag(help: "Print every metric, not only the main ones.")
    var all = false

    @Option(help: ArgumentHelp("Write the report as JSON.", valueName: "F.json"))
    var json: String?

    @Option(help: ArgumentHelp("Write the report as a page: one file, no network needed.", valueName: "F.html"))
    var html: String?

    /// Whether anything is written that has figures.
    var wantsFigures: Bool { json != nil || html != nil }

    /// Prints and writes a report.
    func write(_ report: Report) throws {
        print(report.text)
        if all { print("\n" + report.fullText) }
        if let json { try report.writeJSON(json) }
        if let html { try report.writeHTML(html) }
    }

    /// Evaluates, prints and writes.
    /// - Throws: exit code 2 when images were left out.
    func write(_ input: ClassificationInput) throws {
        try write(input.report(figures: wantsFigures))
        if input.skipped > 0 { throw incomplete }
    }
}
