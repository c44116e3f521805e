// ClassificationTask: one network from images or clips to logits, its loss and batches.

import LTCore
import LTDecision
import LTGraph
import LTImage

/// Trains a classifier.
final class ClassificationTask: TrainingTask {
    let recipe: Recipe
    let training: TrainingSet
    let sets: [Trainer.Split]
    let executor: TorchExecutor
    let loss: any Loss
    let lossName: String
    let notes: [String]
    let cache: ImageCache

    /// - Parameter validation: the recipe's splits.
    /// - Throws: errors that name the recipe's key, the class, the file or the initializer at fault.
    init(_ recipe: Recipe, training: TrainingSet, validation: [Trainer.Split], device: TorchDevice) throws(LTError) {
        self.recipe = recipe
        self.training = training
        sets = validation
        let classes = training.counts
        let lossType = try recipe.lossSection.named(LossTable.all.map { ($0.name, $0) })
        lossName = lossType.name
        loss = try lossType.init(recipe.lossSection, classes: classes)
        if loss.needsSingleLabels { try training.requireSingleLabels() }
        let task = Self.task(recipe, training, activation: loss.activation)
        try Self.check(sets, against: training, task: task)
        if recipe.validation.calibrateOn != nil, task == .multiclass, loss.activation != "softmax" {
            throw LTError(
                .unsupported, "validate.calibrate_on: '\(lossType.name)' on single-label data has no calibration",
                hint: "leave calibrate_on out, choose a loss with a softmax, or say `task: multilabel`")
        }
        guard !loss.usesValidation || sets.contains(where: { $0.name == recipe.validation.watched?.name }) else {
            throw LTError(
                .notFound, "the loss '\(lossType.name)' learns from a validation after each epoch; the recipe has none",
                hint: "add `validate: {val: {…}}` with a split that is not the test set")
        }
        var request = NetworkRequest(
            classes: classes.count, inputSize: recipe.input.size, generator: SeededGenerator(seed: recipe.seed))
        let graph = try Trainer.graph(recipe, &request)
        notes = request.notes
        executor = try TorchExecutor(graph, features: request.features, precision: recipe.precision, device: device)
        cache = ImageCache(
            training.samples, options: recipe.input.preprocess.decodeOptions, limit: recipe.cacheBytes)
    }

    var networks: [TorchExecutor] { [executor] }
    var samplerData: SamplerData { SamplerData(labels: training.targets, classNames: training.labels.map(\.name)) }
    var splits: [MeasuredSplit] { sets.map { MeasuredSplit(name: $0.name, every: $0.every) } }
    var kind: Recipe.Task { Self.task(recipe, training, activation: loss.activation) }
    var metrics: [EpochMetrics.Entry] { EpochMetrics.entries(kind) }

    func batches(_ passes: Range<Int>, sampler: any Sampler, run: RunContext) -> TaskBatches {
        var loading = BatchLoader.Options(
            batch: recipe.batch / run.group.size, end: passes.upperBound, seed: recipe.seed)
        loading.first = passes.lowerBound
        loading.threads = run.threads
        (loading.rank, loading.processes) = (run.group.rank, run.group.size)
        let loader = BatchLoader(
            training, cache: cache, sampler: sampler, input: recipe.input, augmentation: recipe.augmentation,
            options: loading)
        return TaskBatches(
            next: { [self] () throws(LTError) in
                let batch = try loader.next()
                return { [self] (pass) throws(LTError) in PassLoss(total: try loss(batch, pass)) }
            },
            stop: { loader.stop() })
    }

    private func loss(_ batch: Batch, _ pass: TrainingPass) throws(LTError) -> TorchTensor {
        let images = try TorchTensor(batch.images).channelsLast()
        let targets = try TorchTensor(batch.targets).cast(recipe.precision.weights)
        var input: LossInput
        if loss.usesFeatures {
            let (features, logits) = try executor.runWithFeatures(images, mode: pass.mode)
            input = LossInput(logits, targets, features: features) { [executor] (features) throws(LTError) in
                try executor.classify(features, mode: pass.mode)
            }
        } else {
            input = LossInput(try executor.run(images, mode: pass.mode), targets)
        }
        guard input.logits.dims == targets.dims else {
            throw LTError(.shapeMismatch, "the network gives \(input.logits.dims), the targets are \(targets.dims)")
        }
        input.epoch = pass.epoch
        input.seed = pass.mode.seed
        input.group = pass.mode.group
        return try loss(input)
    }
}
