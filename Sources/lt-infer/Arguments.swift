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
extension DecisionLayer.Postprocess.BoxFormat: ExpressibleByArgument {}
extension DecisionLayer.Postprocess.BoxUnit: ExpressibleByArgument {}
extension DecisionLayer.Postprocess.SuppressionScope: ExpressibleByArgument {}
extension DecisionLayer.Postprocess.ClassesPerBox: ExpressibleByArgument {}
extension DecisionLayer.Postprocess.LabelValues: ExpressibleByArgument {}
extension DecisionLayer.Postprocess.Background: ExpressibleByArgument {}
extension DecisionLayer.Postprocess.MaskFrame: ExpressibleByArgument {}

/// `boxes=NAME,scores=NAME`
struct OutputRoles: ExpressibleByArgument {
    let outputs: [DecisionLayer.Postprocess.Role: String]
    init?(argument: String) {
        var outputs: [DecisionLayer.Postprocess.Role: String] = [:]
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let sides = part.split(separator: "=", maxSplits: 1)
            guard sides.count == 2, let role = DecisionLayer.Postprocess.Role(rawValue: String(sides[0])) else {
                return nil
            }
            outputs[role] = String(sides[1])
        }
        self.outputs = outputs
    }
}

/// `boxes,scores`
struct Columns: ExpressibleByArgument {
    let roles: [DecisionLayer.Postprocess.Role]
    init?(argument: String) {
        let roles = argument.split(separator: ",", omittingEmptySubsequences: false)
            .map { DecisionLayer.Postprocess.Role(rawValue: String($0)) }
        guard !roles.contains(nil) else { return nil }
        self.roles = roles.compactMap { $0 }
    }
}

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
struct AutomaticCount: ExpressibleByArgument {
    /// `nil`: auto.
    let count: Int?

    static let auto = AutomaticCount(count: nil)
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
    @Option(
        help: ArgumentHelp(
            "Where to run: cpu, reference (plain kernels, slow), auto, or CUDA devices (cuda:0, cuda:0,cuda:1): `lt-infer devices`.",
            valueName: "name"))
    var device = "cpu"

    @Option(help: "Threads that compute. Default: the CPUs that the process may use.")
    var threads: Int?

    @Option(help: "Arithmetic: f32, bf16 (values may be held in bfloat16) or int8 (files in QDQ form run on integers).")
    var precision = Precision.f32

    @Flag(help: "Convolutions as direct sums: no Winograd form, which is faster and rounds differently.")
    var exact = false

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads \(threads), expected 1 … 1024")
        }
    }

    /// The name of what runs; standard error hears what `auto` chose.
    func backend() throws(LTError) -> String {
        let (backend, note) = try BackendTable.choose(device)
        if let note { LongTailInfer.note("note: \(note)") }
        return backend.name
    }

    var planOptions: PlanOptions {
        PlanOptions(threads: threads ?? PlanOptions.availableThreads, precision: precision, exact: exact)
    }
}

/// Where a command that computes keeps packed weights.
struct CacheOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Keep the packed weights in this folder: later starts of the model are faster. It may be deleted at any time.",
            valueName: "folder"))
    var cache: String?
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

    @OptionGroup(title: "What a detector's file does not say") var detector: DetectorFlags

    func settings() throws(LTError) -> ModelSettings {
        var settings = ModelSettings()
        settings.postprocess = detector.postprocess
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

/// What `lt.postprocess` leaves open; flags win.
struct DetectorFlags: ParsableArguments {
    @Option(help: "Drop detections below this score.")
    var scoreThreshold: Float?

    @Option(help: "Drop boxes that overlap a better one by more than this. Default: none, the model has done it.")
    var nmsIou: Float?

    @Option(help: "Whether boxes drop only those of their class.")
    var nmsClasses: DecisionLayer.Postprocess.SuppressionScope?

    @Option(help: "Detections kept per image. Default: 300.")
    var maxDetections: Int?

    @Option(help: "Whether a box is of its best class only, or of each that reaches the threshold. Default: all.")
    var classesPerBox: DecisionLayer.Postprocess.ClassesPerBox?

    @Option(
        help: ArgumentHelp(
            "What outputs hold: boxes, scores, labels, masks, objectness, count, coefficients, prototypes, packed.",
            valueName: "role=name,…"))
    var outputs: OutputRoles?

    @Option(help: ArgumentHelp("What the columns of a packed output are, in order.", valueName: "boxes,scores,…"))
    var packed: Columns?

    @Option(help: "How boxes are written.")
    var boxFormat: DecisionLayer.Postprocess.BoxFormat?

    @Option(help: "Whether boxes are in pixels of the input tensor or shares of it.")
    var boxUnit: DecisionLayer.Postprocess.BoxUnit?

    @Option(help: "Whether labels are ids of the classes or their positions. Default: id.")
    var labelValues: DecisionLayer.Postprocess.LabelValues?

    @Option(help: "Which column or label means that nothing is there.")
    var background: DecisionLayer.Postprocess.Background?

    @Option(help: "What a mask covers: its box, or the whole image. Default: the image if it is as large.")
    var maskFrame: DecisionLayer.Postprocess.MaskFrame?

    @Option(help: "Mask pixels above this belong to the object. Default: 0.5.")
    var maskThreshold: Float?

    /// `nil` when no flag is given.
    var postprocess: DecisionLayer.Postprocess? {
        var post = DecisionLayer.Postprocess(
            scoreThreshold: scoreThreshold, nmsIoU: nmsIou, maxDetections: maxDetections)
        post.nmsClasses = nmsClasses
        post.classesPerBox = classesPerBox
        post.outputs = outputs?.outputs
        post.packed = packed?.roles
        post.boxFormat = boxFormat
        post.boxUnit = boxUnit
        post.labelValues = labelValues
        post.background = background
        post.maskFrame = maskFrame
        post.maskThreshold = maskThreshold
        return post == DecisionLayer.Postprocess() ? nil : post
    }
}
