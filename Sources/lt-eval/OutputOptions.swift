// Where a report goes.

import ArgumentParser
import LTEval

struct OutputOptions: ParsableArguments {
    @Flag(help: "Print every metric, not only the main ones.")
    var all = false

    @Flag(help: "Print what is said of each class.")
    var classes = false

    @Option(help: ArgumentHelp("Write the report as JSON.", valueName: "F.json"))
    var json: String?

    @Option(help: ArgumentHelp("Write the report as a page: one file, no network needed.", valueName: "F.html"))
    var html: String?

    @Flag(help: "Put small pictures of the worst mistakes into JSON and page; the image files must be there.")
    var thumbnails = false

    /// Whether anything is written that has figures and provenance.
    var isWritten: Bool { json != nil || html != nil }

    /// Whether the report gets pictures.
    var hasPictures: Bool { thumbnails && isWritten }

    /// Prints and writes a report.
    /// - Parameter file: the file of an image that a mistake names.
    func write(_ report: Report, file: (String) -> String? = { $0 }) throws {
        var report = report
        if hasPictures { report.addThumbnails(file: file) }
        print(report.text)
        if all { print("\n" + report.fullText) }
        if classes { print("\n" + report.classText) }
        if let json { try report.writeJSON(json) }
        if let html { try report.writeHTML(html) }
    }

    /// Evaluates, prints and writes.
    /// - Throws: exit code 2 when images were left out.
    func write(_ input: ClassificationInput) throws {
        // Who names metrics wants these alone.
        let figures = isWritten && input.metrics == nil
        let folder = input.imageFolder
        try write(input.report(figures: figures, digest: isWritten)) {
            $0.hasPrefix("/") || folder.isEmpty ? $0 : folder + "/" + $0
        }
        if input.skipped > 0 { throw incomplete }
    }
}
