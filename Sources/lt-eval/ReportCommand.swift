// lt-eval report: shows stored reports, several side by side.

import ArgumentParser
import LTEval

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Show reports that were written with --json: main values as text, everything as one HTML page.",
        discussion: """
            With several reports, values stand side by side with their difference from the first. The page is one file \
            that needs no network.
            """)

    @Argument(help: ArgumentHelp("Reports of lt-eval.", valueName: "F.json"))
    var reports: [String]

    @Option(help: ArgumentHelp("Write the page.", valueName: "F.html"))
    var html: String?

    func run() throws {
        let page = try HTMLPage(files: reports)
        print(page.text)
        if let html { try page.write(html) }
    }
}
