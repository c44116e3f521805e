// lt-infer run: folders of images → prediction store, and text files of it.

import ArgumentParser
import LTCore
import LTPipeline
import LTPredictions

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a model on images and write the predictions to a store.",
        discussion: """
            Folders are walked in sorted order; image files given by name are taken whatever their name. The same command
            goes on where a stopped run was: an image is done again only when its size or time of change differs. An image
            that cannot be read is a row with its error, and the exit code is 2.
            """)

    @Argument(help: "The model, an ONNX file.")
    var model: String

    @Argument(help: "Images and folders of images.")
    var images: [String] = []

    @Option(help: "The prediction store to write (SQLite).")
    var out: String

    @Option(help: ArgumentHelp("Write decisions as JSON Lines (-: standard output).", valueName: "file"))
    var jsonl: String?

    @Option(help: ArgumentHelp("Write decisions as CSV (-: standard output).", valueName: "file"))
    var csv: String?

    @Option(help: ArgumentHelp("Write detections as COCO and LVIS results (-: standard output).", valueName: "file"))
    var lvisJson: String?

    @Option(
        help: ArgumentHelp(
            "An annotation file whose image ids --lvis-json takes. Default: the numbers that files are named by, else positions.",
            valueName: "file"))
    var gt: String?

    @Option(help: ArgumentHelp("Write the images with decisions drawn on them.", valueName: "folder"))
    var annotate: String?

    @Option(help: "The least score of detections that are drawn. Default: the class's threshold, else 0.5.")
    var annotateScore: Float?

    @Option(help: ArgumentHelp("A file with one image path per line (-: standard input).", valueName: "file"))
    var list: String?

    @Option(help: ArgumentHelp("Images per batch. auto: what makes 8 images of 3×224×224.", valueName: "auto|n"))
    var batch = AutomaticCount.auto

    @Option(
        help: ArgumentHelp(
            "Sessions that run at once and share the threads out evenly. auto: up to 4 for many images.",
            valueName: "auto|n"))
    var sessions = AutomaticCount.auto

    @Option(help: ArgumentHelp("Take every n-th image, beginning with number i.", valueName: "i/n"))
    var shard: Shard?

    @Flag(help: "Discard what the store holds.")
    var restart = false

    @Flag(name: .shortAndLong, help: "No progress on standard error.")
    var quiet = false

    @OptionGroup var runsOn: RunsOn
    @OptionGroup var kept: CacheOption
    @OptionGroup(title: "What the model file does not say") var flags: ModelFlags

    func validate() throws {
        if images.isEmpty && list == nil { throw ValidationError("give images, folders, or --list") }
        if gt != nil && lvisJson == nil {
            throw ValidationError("--gt gives ids for --lvis-json, which is not asked for")
        }
        if annotateScore != nil && annotate == nil { throw ValidationError("--annotate-score needs --annotate") }
    }

    func run() throws {
        StopSignal.install()
        var options = PipelineOptions(out: out)
        options.batch = batch.count
        options.threads = runsOn.planOptions.threads
        options.sessions = sessions.count
        options.device = try runsOn.backend()
        options.precision = runsOn.precision
        options.exact = runsOn.exact
        options.cache = kept.cache
        options.restart = restart
        options.settings = try flags.settings()
        var exports: [(format: any PredictionFormat, path: String)] = []
        if let jsonl { exports.append((JSONLines(), jsonl)) }
        if let csv { exports.append((CSV(), csv)) }
        if let lvisJson {
            exports.append((LVISResults(try gt.map { try ImageIDs(groundTruth: $0) } ?? .automatic), lvisJson))
        }
        options.annotation = annotate.map { AnnotationOptions(folder: $0, least: annotateScore) }
        let line = ProgressLine()
        let silent = quiet
        let summary = try Pipeline.run(
            model: model,
            images: ImageSources(paths: images, list: list, shard: shard.map { ($0.index, $0.count) }),
            options: options,
            exports: exports,
            progress: { if !silent { line.show($0) } },
            isCancelled: { StopSignal.isRequested })
        if !quiet { LongTailInfer.note("\(summary)") }
        if summary.isStopped { throw ExitCode(StopSignal.exitCode) }
        if summary.failed + summary.unannotated > 0 { throw ExitCode(2) }
    }
}
