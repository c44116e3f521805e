// lt-eval detection: average precision and recall of a detector by LVIS's or COCO's rules.

import ArgumentParser
import LTCore
import LTData
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

    @Option(
        help: ArgumentHelp(
            "For --thumbnails: the folder of the ground truth's images. Default: `images` or one named like the file beside it.",
            valueName: "folder"))
    var images: String?

    @Option(help: ArgumentHelp("Give AP 95% intervals by resampling the images N times.", valueName: "N"))
    var bootstrap: Int?

    @Option(help: "Chooses the resamples; the same seed draws the same images.")
    var seed: UInt64 = 0

    @Flag(help: "Say what AP is lost to: wrong categories, bad boxes, duplicates, background, missed objects.")
    var errors = false

    func run() throws {
        let evaluated = try input.evaluate(takesDigests: output.isWritten)
        let evaluation = evaluated.evaluation
        var report = try evaluation.report(provenance: evaluated.provenance, figures: output.isWritten)
        let analysis = DetectionAnalysis(
            resamples: bootstrap, seed: seed, hasErrors: errors, hasCalibration: output.isWritten || output.all)
        try analysis.add(
            to: &report, evaluation.matches, evaluation.truth, evaluation.results, threads: input.rules.threads)
        let files = output.hasPictures ? try imageFiles() : [:]
        try output.write(report) { files[$0] }
        if evaluated.isIncomplete { throw incomplete }
    }

    func validate() throws {
        if images != nil && !output.hasPictures {
            throw ValidationError("--images is where --thumbnails finds pictures for --html or --json")
        }
    }

    /// The images' files by what mistakes call the images.
    private func imageFiles() throws(LTError) -> [String: String] {
        let dataset = try Dataset.lvis(input.gt, imageFolder: images)
        return Dictionary(dataset.images.map { ("image \($0.id)", dataset.file(of: $0)) }) { $1 }
    }
}
