// Recipe: a YAML file that says everything about a run: data, network, initial weights, what is frozen, sampler, loss,
// optimizer, schedule, augmentation, seed. Unknown keys and values out of range are errors that name the key.

import Foundation
import LTCore
import LTDecision
import LTImage
import Yams

/// A parsed recipe. Sampler, loss and schedule are read when the data is known (`Trainer`).
public struct Recipe {
    public struct Start: Sendable {
        /// A .safetensors, .pth or ONNX file whose tensors are taken by name.
        public var path: String
        /// Patterns of weights that keep their fresh values (a new head).
        public var reset: [String]
        /// Only tensors whose names begin with this are taken, by the rest of their names.
        public var prefix: String?
        /// Only weights of the network whose names begin with this are filled, by the rest of their names.
        public var into: String?

        public init(path: String, reset: [String] = [], prefix: String? = nil, into: String? = nil) {
            (self.path, self.reset, self.prefix, self.into) = (path, reset, prefix, into)
        }
    }
    public struct Freeze: Sendable {
        /// Patterns of initializers that are not trained; batch normalisations among them keep their statistics.
        public var parameters: [String] = []
        /// Patterns of batch normalisations that keep their running statistics; scale and shift are trained unless frozen.
        public var batchNorm: [String] = []
    }

    public enum Task: String, Sendable, CaseIterable { case multiclass, multilabel, detection }

    /// The effective text, overrides applied: provenance.
    public var text: String
    /// Digest of everything that determines the result.
    public var digest: String
    public var train: DataSource
    public var validation: ValidationOptions
    /// nil: the graph of `start` itself is trained.
    public var network: (any Network)?
    public var start: Start?
    public var freeze: Freeze
    public var optimizer: OptimizerOptions
    /// nil: the weights themselves are validated and exported.
    public var average: WeightAverageOptions?
    /// Batches whose gradients make one step.
    public var accumulate: Int
    public var epochs: Int?
    public var iterations: Int?
    /// Images of one forward and backward pass.
    public var batch: Int
    public var input: InputOptions
    /// Of a classifier's images.
    public var augmentation: Augmentation
    /// How a detector is trained; nil: the network is a classifier.
    public var detection: DetectionOptions?
    public var groups: FrequencyGroups
    /// nil: single-label if every training image has exactly one class, as losses with a softmax need, else multi-label.
    public var task: Task?
    public var seed: UInt64
    public var threads: Int?
    /// `cpu`, `cuda` or `cuda:N`; resolved when the run begins.
    public var device: String
    public var precision: TrainingPrecision
    public var distributed: DistributedOptions
    public var out: String?
    /// Whether the run also writes an event file for TensorBoard.
    public var tensorboard: Bool
    /// Iterations between checkpoints; nil: once per epoch.
    public var checkpointEvery: Int?
    /// Bytes of decoded images that stay in memory.
    public var cacheBytes: Int
    let samplerSection: RecipeSection
    let lossSection: RecipeSection
    let scheduleSection: RecipeSection?

    /// Reads a file; `overrides` are `key.path=value`.
    public static func read(_ path: String, overrides: [String] = []) throws(LTError) -> Recipe {
        try within("recipe \(path)") { () throws(LTError) in
            try Recipe(
                yaml: String(decoding: try readFile(path), as: UTF8.self), overrides: overrides,
                folder: (path as NSString).deletingLastPathComponent)
        }
    }

    /// - Parameter folder: what the path in `extends` is relative to.
    public init(yaml: String, overrides: [String] = [], folder: String = ".") throws(LTError) {
        let root = try RecipeSection(yaml: yaml, overrides: overrides, folder: folder)
        text = root.canonicalText(without: [])
        digest = SHA256.digest(
            of: root.canonicalText(without: [
                "out", "threads", "device", "checkpoint_every", "cache_mib", "tensorboard",
            ]))

        train = try DataSource(try root.required("train", root.section("train")))
        validation = try ValidationOptions(root.section("validate"))

        if root.kind("network") == .text {
            network = try root.string("network").map { ONNXNetwork(path: $0) }
        } else if let section = try root.section("network") {
            network = try section.named(NetworkTable.all.map { ($0.name, $0) }).init(section)
        }
        if let section = try root.section("init") {
            start = Start(
                path: try section.required("from", section.string("from")), reset: try section.strings("reset") ?? [],
                prefix: try section.string("prefix"), into: try section.string("into"))
            try section.finish()
        }
        guard network != nil || start != nil else {
            throw LTError(.notFound, "the recipe has neither 'network' nor 'init': there is nothing to train")
        }
        freeze = Freeze()
        if let section = try root.section("freeze") {
            freeze.parameters = try section.strings("parameters") ?? []
            freeze.batchNorm = try section.patterns("batch_norm") ?? []
            try section.finish()
        }

        samplerSection = try root.required("sampler", root.section("sampler"))
        lossSection = try root.required("loss", root.section("loss"))
        scheduleSection = try root.section("schedule")

        optimizer = try OptimizerOptions(try root.required("optimizer", root.section("optimizer")))
        average = try root.section("ema").map { section throws(LTError) in try WeightAverageOptions(section) }
        accumulate = try root.int("accumulate", in: 1...65_536) ?? 1
        epochs = try root.int("epochs", in: 1...1_000_000)
        iterations = try root.int("iterations", in: 1...1_000_000_000)
        guard (epochs == nil) != (iterations == nil) else {
            throw LTError(.invalidArgument, "the recipe must say either 'epochs' or 'iterations'")
        }
        batch = try root.required("batch", root.int("batch", in: 1...65_536))

        task = try root.choice("task", Task.self)
        let detector = network as? RCNN
        guard task == nil || (task == .detection) == (detector != nil) else {
            throw root.error(
                "task",
                "'\(task?.rawValue ?? "")' of a network that is \(detector == nil ? "a classifier" : "a detector")")
        }
        input = try InputOptions(try root.required("input", root.section("input")), isDetector: detector != nil)
        if let detector {
            augmentation = Augmentation()
            detection = try DetectionOptions(root, detector, input)
        } else {
            augmentation = try Augmentation(root.section("augment"))
        }
        groups =
            try root.string("groups").map { name throws(LTError) in try FrequencyGroups(named: name) }
            ?? (detector == nil ? .db : .lvis)
        seed = UInt64(try root.int("seed", in: 0...Int.max) ?? 1)
        threads = try root.int("threads", in: 1...1024)
        device = try root.string("device") ?? "cpu"
        precision = try root.choice("precision", TrainingPrecision.self) ?? .fp32
        distributed = try DistributedOptions(root.section("distributed"))
        out = try root.string("out")
        tensorboard = try root.bool("tensorboard") ?? false
        checkpointEvery = try root.int("checkpoint_every", in: 1...1_000_000_000)
        cacheBytes = (try root.int("cache_mib", in: 0...1_000_000) ?? 2048) << 20
        try root.finish()
    }
}

extension RecipeSection {
    /// The entry of a table that the section's `name` names.
    /// - Throws: `invalidArgument` with the names there are.
    func named<Entry>(_ table: [(name: String, entry: Entry)]) throws(LTError) -> Entry {
        let name = try required("name", string("name"))
        guard let found = table.first(where: { $0.name == name }) else {
            throw error("name", "'\(name)', expected one of \(table.map(\.name).joined(separator: ", "))")
        }
        return found.entry
    }
}
