// Arguments that several subcommands share, and how the command line spells values of the library's types.

import ArgumentParser
import LTCore
import LTDecision
import LTImage
import LTPredictor
import LTRuntime

extension DecisionLayer.Task: ExpressibleByArgument {}
extension DecisionLayer.Activation: ExpressibleByArgument {}
extension ModelSettings.Resizing: ExpressibleByArgument {}
extension Preprocess.Color: ExpressibleByArgument {}
extension Preprocess.Layout: ExpressibleByArgument {}
extension ResizeKernel: ExpressibleByArgument {}
extension ClipSampling.Sampling: ExpressibleByArgument {}
extension ClipSampling.Layout: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

/// `224` or `224x320` (height x width).
extension Preprocess.Size: ExpressibleByArgument {
    public init?(argument: String) {
        let sides = argument.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard (1...2).contains(sides.count), sides.allSatisfy({ $0 > 0 }) else { return nil }
        self.init(height: sides[0], width: sides[sides.count - 1])
    }
}

/// Numbers separated by commas.
struct Numbers: ExpressibleByArgument {
    let values: [Double]
    init?(argument: String) {
        let values = argument.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
        guard !values.contains(nil) else { return nil }
        self.values = values.compactMap { $0 }
    }
}

/// `2/8`
struct Shard: ExpressibleByArgument {
    let index: Int
    let count: Int
    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard parts.count == 2, parts[1] >= 1, (1...parts[1]).contains(parts[0]) else { return nil }
        (index, count) = (parts[0], parts[1])
    }
}

/// `auto` or a number.
struct Batch: ExpressibleByArgument {
    /// `nil`: auto.
    let count: Int?

    static let auto = Batch(count: nil)
    private init(count: Int?) { self.count = count }

    init?(argument: String) {
        if argument == "auto" {
            count = nil
        } else {
            guard let number = Int(argument), (1...4096).contains(number) else { return nil }
            count = number
        }
    }

    var defaultValueDescription: String { count.map(String.init) ?? "auto" }
}

/// Where and how a model runs.
struct RunsOn: ParsableArguments {
    @Option(help: ArgumentHelp("Where to run: cpu, or reference (plain kernels, slow).", valueName: "name"))
    var device = "cpu"

    @Option(help: "Threads that compute. Default: the CPUs that the process may use.")
    var threads: Int?

    @Option(help: "Arithmetic: f32.")
    var precision = Precision.f32

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads \(threads), expected 1 … 1024")
        }
    }

    var planOptions: PlanOptions {
        PlanOptions(threads: threads ?? PlanOptions.availableThreads, precision: precision)
    }
}

/// What a model file without `lt.*` metadata leaves open; given beside metadata, flags win.
struct ModelFlags: ParsableArguments {
    @Option(help: "What the outputs mean.")
    var task: DecisionLayer.Task?

    @Option(help: "What makes a score of a raw output.")
    var activation: DecisionLayer.Activation?

    @Option(help: ArgumentHelp("A text file with one class name per line.", valueName: "file"))
    var labels: String?

    @Option(help: "How images get their size.")
    var resize: ModelSettings.Resizing?

    @Option(
        help: ArgumentHelp("The size to resize to. Default: the model's input, if it is fixed.", valueName: "n|HxW"))
    var size: Preprocess.Size?

    @Option(help: "The resize kernel.")
    var kernel: ResizeKernel?

    @Option(help: ArgumentHelp("Centre crop after the resize.", valueName: "n|HxW"))
    var crop: Preprocess.Size?

    @Option(help: "Multiplies the bytes 0 … 255. Default: 1/255.")
    var scale: Double?

    @Option(help: ArgumentHelp("Subtracted after scaling, one number or one per channel.", valueName: "r,g,b"))
    var mean: Numbers?

    @Option(help: ArgumentHelp("Divides afterwards.", valueName: "r,g,b"))
    var std: Numbers?

    @Option(help: "The channels' order.")
    var color: Preprocess.Color?

    @Option(help: "The tensor's layout.")
    var layout: Preprocess.Layout?

    @Option(help: "Frames of a clip. Default: the model's input, if it is fixed.")
    var clipFrames: Int?

    @Option(help: "Which frames of a video make a clip: a window in the middle, or the middle of equal segments.")
    var clipSampling: ClipSampling.Sampling?

    @Option(help: "Frames of the video from one frame of the clip to the next (center).")
    var clipStride: Int?

    @Option(help: "Whether a clip is [channels, frames, …] or [frames, channels, …]. Default: cthw.")
    var clipLayout: ClipSampling.Layout?

    @Option(help: ArgumentHelp("The output that holds the scores. Default: the first.", valueName: "name"))
    var output: String?

    func settings() throws(LTError) -> ModelSettings {
        var settings = ModelSettings()
        settings.task = task
        settings.activation = activation
        if let labels { settings.labels = try ModelSettings.names(inFile: labels) }
        settings.resize = resize
        settings.size = size
        settings.kernel = kernel
        settings.crop = crop
        settings.scale = scale
        settings.mean = mean?.values
        settings.std = std?.values
        settings.color = color
        settings.layout = layout
        settings.output = output
        settings.clip.frames = clipFrames
        settings.clip.sampling = clipSampling
        settings.clip.stride = clipStride
        settings.clip.layout = clipLayout
        return settings
    }
}
