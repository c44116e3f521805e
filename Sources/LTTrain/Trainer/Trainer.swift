// Trainer: a run of a recipe. Build the network, load initial weights, iterate, keep checkpoints, export.
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
        /// The folder that receives checkpoint.safetensors, log.csv and model.onnx.
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

    public let recipe: Recipe
    public let options: Options
    let training: TrainingSet
    let executor: TorchExecutor
    let loss: any Loss
    let lossName: String
    private let sampler: any Sampler
    private let schedule: any Schedule
    private let optimizer: Optimizer
    private let group: any ProcessGroup
    private let length: RunLength
    private let cache: ImageCache
    private var log = Data("iteration,lr,loss,grad_norm\n".utf8)

    /// Builds the parts.
    /// - Throws: errors that name the recipe's key, the class, the file or the initializer at fault.
    public init(_ recipe: Recipe, training: TrainingSet, options: Options) throws(LTError) {
        self.recipe = recipe
        self.training = training
        self.options = options
        group = SingleProcess()
        Torch.setThreads(options.threads)
        let classes = training.counts

        let lossType = try recipe.lossSection.named(LossTable.all.map { ($0.name, $0) })
        lossName = lossType.name
        loss = try lossType.init(recipe.lossSection, classes: classes)
        if loss.needsSingleLabels { try training.requireSingleLabels() }
        let samplerType = try recipe.samplerSection.named(SamplerTable.all.map { ($0.name, $0) })
        sampler = try samplerType.init(
            recipe.samplerSection, data: SamplerData(labels: training.targets, classNames: classes.names),
            seed: recipe.seed &* 2 &+ 1)
        let perEpoch = max(1, sampler.epochLength / recipe.batch)
        let (product, overflow) = perEpoch.multipliedReportingOverflow(by: recipe.epochs ?? 1)
        guard !overflow, product < 1 << 40 else { throw LTError(.invalidArgument, "epochs: more than 2^40 iterations") }
        length = RunLength(
            iterations: recipe.iterations ?? product, iterationsPerEpoch: perEpoch, countsEpochs: recipe.epochs != nil)
        if let section = recipe.scheduleSection {
            schedule = try section.named(ScheduleTable.all.map { ($0.name, $0) }).init(section, length: length)
        } else {
            schedule = StepSchedule(milestones: [])
        }

        executor = try TorchExecutor(try Trainer.graph(recipe, classes: classes.count))
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
        cache = ImageCache(
            training.samples, options: recipe.input.preprocess.decodeOptions, limit: recipe.cacheBytes)
    }

    /// The network with its initial weights.
    private static func graph(_ recipe: Recipe, classes: Int) throws(LTError) -> Graph {
        guard let network = recipe.network else {
            guard let start = recipe.start else { throw LTError(.notFound, "the recipe has no network") }
            let graph = try Graph.read(path: start.path)
            guard graph.outputs.first?.type.flatMap(lastDimension) ?? classes == classes else {
                throw LTError(
                    .shapeMismatch,
                    "\(start.path) gives \(graph.outputs.first?.type.flatMap(lastDimension) ?? 0) classes, the data has \(classes)",
                    hint: "say `network` in the recipe and `reset: [fc.*]` in `init` to give it a new head")
            }
            return graph
        }
        var generator = SeededGenerator(seed: recipe.seed)
        var graph = try network.graph(classes: classes, inputSize: recipe.input.size, generator: &generator)
        guard let start = recipe.start else { return graph }
        let source = try Graph.read(path: start.path)
        for (name, fresh) in graph.initializers where fresh.type == .float32 {
            if start.reset.contains(where: { matches(name, pattern: $0) }) { continue }
            guard let weights = source.initializers[name] else {
                throw LTError(
                    .notFound, "\(start.path) has no initializer '\(name)'",
                    hint: "is it the same network? `init.reset: [\(name)]` keeps the fresh weights")
            }
            guard weights.dims == fresh.dims, weights.type == fresh.type else {
                throw LTError(
                    .shapeMismatch,
                    "initializer '\(name)' of \(start.path) has shape \(weights.shape), the network needs \(fresh.shape)",
                    hint: "`init.reset: [\(name)]` keeps the fresh weights")
            }
            graph.initializers[name] = weights
        }
        for pattern in start.reset where !graph.initializers.keys.contains(where: { matches($0, pattern: pattern) }) {
            throw LTError(.notFound, "init.reset: '\(pattern)' matches no initializer of the network")
        }
        return graph
    }

    private var checkpointPath: String { options.out + "/checkpoint.safetensors" }
    private var logPath: String { options.out + "/log.csv" }
    public var modelPath: String { options.out + "/model.onnx" }

    /// One line for the start of a run.
    public var summary: String {
        let trained = trainedCount
        return
            "\(executor.parameterCount) parameters (\(trained) trained), \(length.iterations) iterations of \(recipe.batch), "
            + "\(lossName), \(options.threads) thread\(options.threads == 1 ? "" : "s")"
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
        let end = min(length.iterations, options.stopAfter ?? .max)
        if first < end { try iterate(from: first, to: end) }
        guard end == length.iterations else { return false }
        try export().write(to: modelPath)
        return true
    }

    private func iterate(from first: Int, to end: Int) throws(LTError) {
        let loader = loader(from: first, to: end)
        defer { loader.stop() }
        var progress = TrainingProgress(total: length.iterations, first: first, silent: options.silent)
        let every = recipe.checkpointEvery ?? length.iterationsPerEpoch
        var smooth: Double?
        for iteration in first..<end {
            let rate = recipe.optimizer.learningRate * schedule.factor(iteration)
            let (value, norm) = try within("iteration \(iteration)") { () throws(LTError) in
                try step(try loader.next(), iteration: iteration, rate: rate)
            }
            log.append(contentsOf: "\(iteration),\(rate),\(value),\(norm)\n".utf8)
            smooth = smooth.map { 0.95 * $0 + 0.05 * value } ?? value
            progress.show(done: iteration + 1, text: String(format: "loss %.4f  lr %.4g", smooth ?? value, rate))
            let stops = options.isInterrupted()
            if (iteration + 1) % every == 0 || iteration + 1 == end || stops { try save(iteration + 1) }
            if stops, iteration + 1 < length.iterations {
                throw LTError(
                    .cancelled, "stopped after iteration \(iteration), the state is in \(checkpointPath)",
                    hint: "the same command with --resume goes on")
            }
        }
    }

    func loader(from first: Int, to end: Int) -> BatchLoader {
        BatchLoader(
            training, cache: cache, sampler: sampler,
            options: BatchLoader.Options(
                batch: recipe.batch, classes: training.labels.count, first: first, end: end, seed: recipe.seed,
                preprocess: recipe.input.preprocess, augmentation: recipe.augmentation, size: recipe.input.size))
    }

    func step(_ batch: Batch, iteration: Int, rate: Double) throws(LTError) -> (loss: Double, norm: Double) {
        let images = try TorchTensor(batch.images).channelsLast()
        var mode = TorchMode(training: true, seed: recipe.seed &+ UInt64(iteration) << 32)
        mode.group = group
        let targets = try TorchTensor(batch.targets)
        let loss = try loss(lossInput(images, targets, mode, epoch: iteration / length.iterationsPerEpoch))
        let value = try loss.item()
        let hint = "lower optimizer.lr, or set optimizer.clip_norm; \(checkpointPath) keeps the last good state"
        guard value.isFinite else { throw LTError(.notFinite, "the loss is \(value)", hint: hint) }
        try loss.backward()
        do { return (value, try optimizer.step(rate: rate)) } catch { throw error.hinting(hint) }
    }

    private func lossInput(_ images: TorchTensor, _ targets: TorchTensor, _ mode: TorchMode, epoch: Int)
        throws(LTError) -> LossInput
    {
        var input: LossInput
        if loss.usesFeatures {
            let (features, logits) = try executor.runWithFeatures(images, mode: mode)
            input = LossInput(logits, targets, features: features) { [executor] (features) throws(LTError) in
                try executor.classify(features, mode: mode)
            }
        } else {
            input = LossInput(try executor.run(images, mode: mode), targets)
        }
        guard input.logits.dims == targets.dims else {
            throw LTError(.shapeMismatch, "the network gives \(input.logits.dims), the targets are \(targets.dims)")
        }
        input.epoch = epoch
        input.seed = mode.seed
        input.group = group
        return input
    }

    private func save(_ iteration: Int) throws(LTError) {
        var tensors: OrderedDictionary<String, Tensor> = [:]
        for name in executor.trainableNames + executor.statisticNames {
            if let tensor = executor.initializers[name] { tensors[name] = try tensor.host() }
        }
        var checkpoint = Checkpoint(
            iteration: iteration, recipeDigest: recipe.digest, tensors: tensors, logLength: log.count)
        checkpoint.add("optimizer/", try optimizer.state())
        checkpoint.add("loss/", try loss.state())
        try replaceFile(logPath, with: [UInt8](log))
        try checkpoint.write(to: checkpointPath)
    }

    /// Takes up the checkpoint; returns the iterations done.
    private func restore() throws(LTError) -> Int {
        guard FileManager.default.fileExists(atPath: checkpointPath) else {
            throw LTError(.notFound, "no checkpoint \(checkpointPath) to resume", hint: "run without --resume")
        }
        let checkpoint = try Checkpoint.read(checkpointPath)
        guard checkpoint.recipeDigest == recipe.digest else {
            throw LTError(
                .conflict, "\(checkpointPath) was made by another recipe (or other --set values)",
                hint: "give another --out, or run without --resume to start over")
        }
        guard checkpoint.iteration <= length.iterations else {
            throw LTError(
                .conflict, "\(checkpointPath) is at iteration \(checkpoint.iteration) of \(length.iterations)")
        }
        for name in executor.trainableNames + executor.statisticNames {
            guard let tensor = checkpoint.tensors[name] else {
                throw LTError(.notFound, "\(checkpointPath) has no '\(name)'")
            }
            try executor.load(name, tensor)
        }
        try optimizer.restore(checkpoint.part("optimizer/"))
        try loss.restore(checkpoint.part("loss/"))
        log = try readFile(logPath).prefix(checkpoint.logLength)
        return checkpoint.iteration
    }
}

/// The last dimension of a tensor's type, when it is known.
private func lastDimension(_ type: ValueType) -> Int? {
    if case .tensor(_, let dims) = type { dims?.last?.fixed } else { nil }
}

/// Whether a name matches a shell pattern (`*`, `?`, `[…]`).
func matches(_ name: String, pattern: String) -> Bool { fnmatch(pattern, name, 0) == 0 }
