// Trainer: a run of a recipe: iterate, validate, keep checkpoints, export. What is trained is a TrainingTask.
// Everything random is a function of (seed, iteration), so a run resumed from a checkpoint gives the same bytes as one
// that was never interrupted.

import Foundation
import LTCore
import OrderedCollections

/// A run of a recipe.
public final class Trainer {
    public struct Options: Sendable {
        /// The folder that receives checkpoints, logs, models and reports.
        public var out: String
        /// Goes on from the folder's checkpoint.
        public var resume = false
        public var threads = 1
        /// No progress on standard error.
        public var silent = false
        /// Asked between iterations: true ends the run with a checkpoint and the error `cancelled`.
        public var isInterrupted: @Sendable () -> Bool = { false }
        /// Ends after this many iterations with a checkpoint, as an interruption would.
        public var stopAfter: Int?
        public init(out: String) { self.out = out }
    }

    /// A split that is measured.
    public struct Split: Sendable {
        public var name: String
        public var set: TrainingSet
        /// Epochs between measurements; 0: at the end only.
        public var every: Int
        public init(name: String, set: TrainingSet, every: Int = 1) {
            self.name = name
            self.set = set
            self.every = every
        }
    }

    /// The epoch with the best value of the recipe's `select`.
    public struct Best: Sendable, Equatable {
        /// Counted from 1.
        public var epoch: Int
        public var value: Double
    }

    public let recipe: Recipe
    public let options: Options
    let task: any TrainingTask
    let weights: NetworkWeights
    let sampler: any Sampler
    let schedule: any Schedule
    let optimizer: Optimizer
    let average: WeightAverage?
    let selection: ModelSelection?
    let group: any ProcessGroup
    let length: RunLength
    let log: RunLog
    var progress: TrainingProgress
    /// The best epoch so far; nil without `select`.
    public internal(set) var best: Best?
    /// Loss of the epoch at hand: sum and number of its steps, those without a number left out.
    var epochLoss = (sum: 0.0, count: 0)
    var times = RunTimes()
    /// The executor holds the weights of the best epoch: the run is over.
    var holdsBest = false

    /// Builds a classifier and what trains it.
    /// - Parameters:
    ///   - validation: the recipe's splits.
    ///   - group: the processes that train together; each makes the same trainer.
    /// - Throws: errors that name the recipe's key, the class, the file or the initializer at fault.
    public convenience init(
        _ recipe: Recipe, training: TrainingSet, validation: [Split] = [], options: Options,
        group: any ProcessGroup = SingleProcess()
    ) throws(LTError) {
        try self.init(recipe, options: options, group: group) { (device) throws(LTError) in
            try ClassificationTask(recipe, training: training, validation: validation, device: device)
        }
    }

    /// - Parameter makeTask: what is trained, on a device.
    init(
        _ recipe: Recipe, options: Options, group: any ProcessGroup,
        task makeTask: (TorchDevice) throws(LTError) -> any TrainingTask
    ) throws(LTError) {
        self.recipe = recipe
        self.options = options
        self.group = group
        try Trainer.checkShares(recipe, group)
        Torch.setThreads(options.threads)
        let device = try within("device") { () throws(LTError) in
            try TorchDevice(named: recipe.device, localRank: group.localRank)
        }
        try recipe.precision.check(device)
        let task = try makeTask(device)
        self.task = task
        weights = NetworkWeights(networks: task.networks)
        let samplerType = try recipe.samplerSection.named(SamplerTable.all.map { ($0.name, $0) })
        var data = task.samplerData
        data.length = try Trainer.samplerLength(recipe)
        sampler = try samplerType.init(recipe.samplerSection, data: data, seed: recipe.seed &* 2 &+ 1)
        length = try Trainer.length(recipe, epochLength: sampler.epochLength)
        if let section = recipe.scheduleSection {
            schedule = try section.named(ScheduleTable.all.map { ($0.name, $0) }).init(section, length: length)
        } else {
            schedule = ConstantSchedule()
        }

        let trained = try weights.freeze(recipe.freeze)
        optimizer = try Optimizer(trained, recipe.optimizer)
        average = try recipe.average.map { [weights] options throws(LTError) in
            try WeightAverage(trained.merging(weights.statistics) { $1 }, options)
        }
        selection = try recipe.validation.watched.flatMap { watched throws(LTError) in
            try recipe.validation.selection.map { own throws(LTError) in
                try ModelSelection(
                    own, split: watched.name, metrics: task.metrics, groups: recipe.groups.groups.map(\.name))
            }
        }
        log = RunLog(
            folder: options.out, parts: task.lossParts, tensorboard: recipe.tensorboard, writes: group.rank == 0)
        progress = TrainingProgress(total: length.iterations, silent: options.silent || group.rank != 0)
    }

    /// Draws of one iteration: `batch` is that of all processes together.
    private static func draws(_ recipe: Recipe) throws(LTError) -> Int {
        let (draws, overflow) = recipe.batch.multipliedReportingOverflow(by: recipe.accumulate)
        guard !overflow, draws < 1 << 40 else {
            throw LTError(.invalidArgument, "batch and accumulate: more than 2^40 images in an iteration")
        }
        return draws
    }

    private static func samplerLength(_ recipe: Recipe) throws(LTError) -> SamplerData.Length? {
        if let epochs = recipe.epochs { return .epochs(epochs) }
        let (count, overflow) = try draws(recipe).multipliedReportingOverflow(by: recipe.iterations ?? 0)
        return .draws(overflow ? .max : count)
    }

    private static func length(_ recipe: Recipe, epochLength: Int) throws(LTError) -> RunLength {
        let perEpoch = max(1, epochLength / (try draws(recipe)))
        let (product, overflow) = perEpoch.multipliedReportingOverflow(by: recipe.epochs ?? 1)
        guard !overflow, product < 1 << 40 else {
            throw LTError(.invalidArgument, "epochs: more than 2^40 iterations")
        }
        return RunLength(
            iterations: recipe.iterations ?? product, iterationsPerEpoch: perEpoch, countsEpochs: recipe.epochs != nil)
    }

    /// The last state of the run.
    public var checkpointPath: String { options.out + "/checkpoint.safetensors" }
    /// The weights of the best epoch.
    public var bestPath: String { options.out + "/best.safetensors" }
    /// The best epoch's network with `select`, else the last.
    public var modelPath: String { options.out + "/model.onnx" }
    /// The last network of a run with `select`.
    public var lastModelPath: String { options.out + "/model-last.onnx" }

    /// What the user should be told about the network.
    public var notes: [String] { task.notes }
    /// "3755 images, 40 classes".
    public var dataSummary: String { task.dataSummary }

    /// One line for the start of a run.
    public var summary: String {
        let trained = trainedCount
        let batch = recipe.accumulate == 1 ? "\(recipe.batch)" : "\(recipe.accumulate)×\(recipe.batch)"
        return
            "\(weights.parameterCount) parameters (\(trained) trained), \(length.iterations) iterations of \(batch) images "
            + "(\(length.iterationsPerEpoch) an epoch), \(task.lossName), "
            + (device == .cpu ? "" : "\(device), ")
            + (recipe.precision == .fp32 ? "" : "\(recipe.precision.rawValue), ")
            + (group.size == 1 ? "" : "\(group.size) processes with ")
            + "\(options.threads) thread\(options.threads == 1 ? "" : "s")"
    }
    private var trainedCount: Int { weights.all().values.reduce(0) { $0 + ($1.requiresGrad ? $1.count : 0) } }
    private var device: TorchDevice { task.networks.first?.device ?? .cpu }

    /// Trains and exports.
    /// - Returns: whether the run came to its end (false after `stopAfter`).
    /// - Throws: `notFinite` with the iteration when loss or gradient are no numbers; the last checkpoint stays.
    @discardableResult
    public func run() throws(LTError) -> Bool {
        do {
            try FileManager.default.createDirectory(atPath: options.out, withIntermediateDirectories: true)
        } catch {
            throw LTError(.io, "cannot make the folder \(options.out): \(error.localizedDescription)")
        }
        let first = options.resume ? try restore() : 0
        if !options.resume { try log.begin(at: 0) }
        let end = min(length.iterations, options.stopAfter ?? .max)
        if first < end { try iterate(from: first, to: end) }
        guard end == length.iterations else { return false }
        if group.rank == 0 { try exportModels() }
        return true
    }
}

/// Whether a name matches a shell pattern (`*`, `?`, `[…]`).
func matches(_ name: String, pattern: String) -> Bool { fnmatch(pattern, name, 0) == 0 }
