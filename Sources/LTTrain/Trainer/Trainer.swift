// Trainer: a run of a recipe. Build the network, load initial weights, iterate, validate, keep checkpoints, export.
// Everything random is a function of (seed, iteration), so a run resumed from a checkpoint gives the same bytes as one
// that was never interrupted.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage
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
    let training: TrainingSet
    let splits: [Split]
    /// What the user should be told about the network.
    public let notes: [String]
    let executor: TorchExecutor
    let loss: any Loss
    let lossName: String
    let sampler: any Sampler
    let schedule: any Schedule
    let optimizer: Optimizer
    let average: WeightAverage?
    let selection: ModelSelection?
    let group: any ProcessGroup
    let length: RunLength
    let cache: ImageCache
    let log: RunLog
    var progress: TrainingProgress
    /// The best epoch so far; nil without `select`.
    public internal(set) var best: Best?
    /// Loss of the epoch at hand: sum and number of its steps, those without a number left out.
    var epochLoss = (sum: 0.0, count: 0)
    var times = RunTimes()
    /// The executor holds the weights of the best epoch: the run is over.
    var holdsBest = false

    /// Builds the parts.
    /// - Parameters:
    ///   - validation: the recipe's splits.
    ///   - group: the processes that train together; each makes the same trainer.
    /// - Throws: errors that name the recipe's key, the class, the file or the initializer at fault.
    public init(
        _ recipe: Recipe, training: TrainingSet, validation: [Split] = [], options: Options,
        group: any ProcessGroup = SingleProcess()
    ) throws(LTError) {
        self.recipe = recipe
        self.training = training
        self.options = options
        splits = validation
        self.group = group
        try Trainer.checkShares(recipe, group)
        Torch.setThreads(options.threads)
        let classes = training.counts

        let lossType = try recipe.lossSection.named(LossTable.all.map { ($0.name, $0) })
        lossName = lossType.name
        loss = try lossType.init(recipe.lossSection, classes: classes)
        if loss.needsSingleLabels { try training.requireSingleLabels() }
        let task = Trainer.task(recipe, training, activation: loss.activation)
        try Trainer.check(splits, against: training, task: task)
        if recipe.validation.calibrateOn != nil, task == .multiclass, loss.activation != "softmax" {
            throw LTError(
                .unsupported, "validate.calibrate_on: '\(lossType.name)' on single-label data has no calibration",
                hint: "leave calibrate_on out, choose a loss with a softmax, or say `task: multilabel`")
        }
        guard !loss.usesValidation || splits.contains(where: { $0.name == recipe.validation.watched?.name }) else {
            throw LTError(
                .notFound, "the loss '\(lossType.name)' learns from a validation after each epoch; the recipe has none",
                hint: "add `validate: {val: {…}}` with a split that is not the test set")
        }
        let samplerType = try recipe.samplerSection.named(SamplerTable.all.map { ($0.name, $0) })
        sampler = try samplerType.init(
            recipe.samplerSection,
            data: SamplerData(
                labels: training.targets, classNames: classes.names,
                length: try Trainer.samplerLength(recipe)),
            seed: recipe.seed &* 2 &+ 1)
        length = try Trainer.length(recipe, epochLength: sampler.epochLength)
        if let section = recipe.scheduleSection {
            schedule = try section.named(ScheduleTable.all.map { ($0.name, $0) }).init(section, length: length)
        } else {
            schedule = ConstantSchedule()
        }

        let device = try within("device") { () throws(LTError) in
            try TorchDevice(named: recipe.device, localRank: group.localRank)
        }
        try recipe.precision.check(device)
        var request = NetworkRequest(
            classes: classes.count, inputSize: recipe.input.size, generator: SeededGenerator(seed: recipe.seed))
        let graph = try Trainer.graph(recipe, &request)
        notes = request.notes
        executor = try TorchExecutor(
            graph, features: request.features, precision: recipe.precision, device: device)
        let frozen = { (name: String) in recipe.freeze.parameters.contains { matches(name, pattern: $0) } }
        let keptStatistics = recipe.freeze.batchNorm
        executor.frozenStatistics = Set(
            executor.statisticNames.filter { name in
                frozen(name) || keptStatistics.contains { matches(name, pattern: $0) }
            })
        var trained: OrderedDictionary<String, TorchTensor> = [:]
        for name in executor.trainableNames where !frozen(name) {
            guard let parameter = executor.initializers[name] else { continue }
            try parameter.setRequiresGrad(true)
            trained[name] = parameter
        }
        guard !trained.isEmpty else { throw LTError(.invalidArgument, "freeze.parameters leaves nothing to train") }
        for pattern in keptStatistics
        where pattern != "*" && !executor.statisticNames.contains(where: { matches($0, pattern: pattern) }) {
            throw LTError(.notFound, "freeze.batch_norm: '\(pattern)' matches no batch normalisation of the network")
        }
        for pattern in recipe.freeze.parameters
        where !(executor.trainableNames + executor.statisticNames).contains(where: { matches($0, pattern: pattern) }) {
            throw LTError(.notFound, "freeze.parameters: '\(pattern)' matches no initializer of the network")
        }
        optimizer = try Optimizer(trained, recipe.optimizer)
        if let options = recipe.average {
            var averaged = trained
            for name in executor.statisticNames { averaged[name] = executor.initializers[name] }
            average = try WeightAverage(averaged, options)
        } else {
            average = nil
        }
        cache = ImageCache(
            training.samples, options: recipe.input.preprocess.decodeOptions, limit: recipe.cacheBytes)
        selection = try recipe.validation.watched.flatMap { watched throws(LTError) in
            try recipe.validation.selection.map { own throws(LTError) in
                try ModelSelection(
                    own, split: watched.name, task: task, groups: recipe.groups.groups.map(\.name))
            }
        }
        log = RunLog(folder: options.out, tensorboard: recipe.tensorboard, writes: group.rank == 0)
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

    /// One line for the start of a run.
    public var summary: String {
        let trained = trainedCount
        let batch = recipe.accumulate == 1 ? "\(recipe.batch)" : "\(recipe.accumulate)×\(recipe.batch)"
        return
            "\(executor.parameterCount) parameters (\(trained) trained), \(length.iterations) iterations of \(batch) images "
            + "(\(length.iterationsPerEpoch) an epoch), \(lossName), "
            + (executor.device == .cpu ? "" : "\(executor.device), ")
            + (recipe.precision == .fp32 ? "" : "\(recipe.precision.rawValue), ")
            + (group.size == 1 ? "" : "\(group.size) processes with ")
            + "\(options.threads) thread\(options.threads == 1 ? "" : "s")"
    }
    private var trainedCount: Int {
        executor.trainableNames.reduce(0) {
            $0 + (executor.initializers[$1].map { $0.requiresGrad ? $0.count : 0 } ?? 0)
        }
    }

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
