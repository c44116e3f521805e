// lt-infer bench: how long a model takes.

import ArgumentParser
import LTPipeline

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Time a model on random input, or on a given one.")

    @Argument(help: "The model, an ONNX file.")
    var model: String

    @Option(help: "Images per batch.")
    var batch = 1

    @Option(help: ArgumentHelp("The first input, instead of random numbers.", valueName: "X.npy"))
    var input: String?

    @Option(help: "Seconds to measure, at least.")
    var seconds = 2.0

    @Flag(help: "JSON instead of text.")
    var json = false

    @Option(
        help: ArgumentHelp("Write the steps as a Chrome trace and print where the time goes.", valueName: "trace.json"))
    var profile: String?

    @OptionGroup var runsOn: RunsOn
    @OptionGroup var kept: CacheOption

    func run() throws {
        var options = ModelBenchmark.Options()
        options.batch = batch
        options.threads = runsOn.planOptions.threads
        options.device = try runsOn.backend()
        options.precision = runsOn.precision
        options.exact = runsOn.exact
        options.cache = kept.cache
        options.input = input
        options.seconds = seconds
        options.profile = profile
        let result = try ModelBenchmark.run(model, options)
        print(json ? jsonText(result) : result.description)
    }
}
