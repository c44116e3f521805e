// lt-eval model: predicts the images of a data set and evaluates, in one step.

import ArgumentParser
import Foundation
import LTData
import LTEval
import LTPipeline
import LTRuntime

struct Model: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a model on the images of a data set and evaluate it, in one step.",
        discussion: "The same as `lt-infer run` and `lt-eval classification`; --out keeps the predictions.")

    @Argument(help: "The model, an ONNX file.")
    var model: String

    @Option(
        help: ArgumentHelp(
            "The truth: a COCO or LVIS annotation file, or a folder of one folder per class.", valueName: "annotations")
    )
    var data: String

    @Option(
        help: ArgumentHelp(
            "Where the images of an annotation file lie. Default: a folder of its name beside it.", valueName: "folder")
    )
    var images: String?

    @Option(help: ArgumentHelp("Keep the predictions; a run that was stopped goes on there.", valueName: "preds.db"))
    var out: String?

    @Option(
        help: ArgumentHelp(
            "Where to run: cpu, reference (plain kernels, slow), auto, or CUDA devices (cuda:0): `lt-infer devices`.",
            valueName: "name"))
    var device = "cpu"

    @Option(help: "Threads that compute. Default: the CPUs that the process may use.")
    var threads: Int?

    @Option(help: "Arithmetic: f32, bf16 (values may be held in bfloat16) or int8 (files in QDQ form run on integers).")
    var precision = Precision.f32

    @Option(help: "Images per batch. Default: what makes 8 images of 3×224×224.")
    var batch: Int?

    @Flag(help: "Leave out images that cannot be read, instead of refusing. The exit code is 2 then.")
    var skipMissing = false

    @OptionGroup var known: LayerOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads \(threads), expected 1 … 1024")
        }
        if let batch, !(1...4096).contains(batch) { throw ValidationError("--batch \(batch), expected 1 … 4096") }
    }

    func run() throws {
        StopSignal.install()
        let (backend, note) = try BackendTable.choose(device)
        if let note { FileHandle.standardError.write(Data("note: \(note)\n".utf8)) }
        let file = try ModelFile(model)
        let dataset = try Dataset.read(data, imageFolder: images)
        try dataset.requireFiles()
        let temporary = FileManager.default.temporaryDirectory.appendingPathComponent("lt-eval-\(UUID().uuidString).db")
            .path
        defer { if out == nil { try? FileManager.default.removeItem(atPath: temporary) } }
        var options = PipelineOptions(out: out ?? temporary)
        if let threads { options.threads = threads }
        options.batch = batch
        options.device = backend.name
        options.precision = precision
        options.settings.activation = known.activation
        let line = ProgressLine()
        let summary = try Pipeline.run(
            model: model, images: ImageSources(paths: dataset.files), options: options, progress: { line.show($0) },
            isCancelled: { StopSignal.isRequested })
        if summary.isStopped { throw ExitCode(StopSignal.exitCode) }
        var input = try StoreOptions.read([options.out], with: dataset, model: file, skipMissing: skipMissing).input
        input.provenance += file.provenance
        try known.apply(to: &input.layer)
        try output.write(input)
    }
}
