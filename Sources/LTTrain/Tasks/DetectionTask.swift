// DetectionTask: Faster R-CNN and Mask R-CNN (RCNN): the graphs of `RCNN.Parts` under autograd, and between them anchors, proposals
// and regions without.

import Foundation
import LTCore
import LTData
import LTDecision
import LTGraph
import LTImage

/// Trains a detector.
final class DetectionTask: TrainingTask {
    let recipe: Recipe
    let options: DetectionOptions
    let network: RCNN
    let training: DetectionSet
    let sets: [DetectionSplit]
    let pyramid: TorchExecutor
    let boxHead: TorchExecutor
    let maskHead: TorchExecutor?
    let loss: any Loss
    let lossName: String
    let form: ClassifierForm
    let anchors: Anchors
    private(set) var notes: [String] = []

    /// - Parameter validation: the recipe's splits.
    /// - Throws: errors that name the recipe's key, the class, the file or the initializer at fault.
    init(_ recipe: Recipe, training: DetectionSet, validation: [DetectionSplit], device: TorchDevice) throws(LTError) {
        guard let network = recipe.network as? RCNN, let options = recipe.detection else {
            throw LTError(.invalidArgument, "the recipe's network is no detector", hint: "network: {name: rcnn, …}")
        }
        (self.recipe, self.network, self.options) = (recipe, network, options)
        self.training = training
        sets = validation
        let classes = training.labels.count
        let lossType = try recipe.lossSection.named(LossTable.all.map { ($0.name, $0) })
        lossName = lossType.name
        // A softmax has background among its classes.
        var counts = training.counts
        if network.classifier.background == .first {
            counts.names.insert("background", at: 0)
            counts.images.insert(counts.total, at: 0)
        }
        loss = try lossType.init(recipe.lossSection, classes: counts)
        do throws(LTError) {
            form = try ClassifierForm(
                classes: classes, background: network.classifier.background, activation: loss.activation)
        } catch {
            throw error.inside("loss '\(lossType.name)', network.classifier '\(network.classifier.rawValue)'")
        }
        guard !loss.usesValidation else {
            throw LTError(
                .unsupported,
                "the loss '\(lossType.name)' learns from the recall of whole pictures, a detector has none")
        }
        guard recipe.validation.calibrateOn == nil else {
            throw LTError(
                .unsupported, "validate.calibrate_on: detectors are not calibrated while they are trained",
                hint: "`lt-eval calibrate` makes a calibrated file")
        }
        try Self.check(validation, against: training)

        var request = NetworkRequest(
            classes: classes, inputSize: 0, generator: SeededGenerator(seed: recipe.seed))
        var parts = try network.parts(&request)
        if let start = recipe.start { request.notes += try parts.load(try WeightFile.read(start.path), start) }
        pyramid = try TorchExecutor(parts.pyramid, precision: recipe.precision, device: device)
        boxHead = try TorchExecutor(parts.boxHead, features: "features", precision: recipe.precision, device: device)
        maskHead = try parts.maskHead.map { graph throws(LTError) in
            try TorchExecutor(graph, precision: recipe.precision, device: device)
        }
        anchors = Anchors(
            sides: network.anchors.sides.map { [$0] }, ratios: network.anchors.ratios,
            convention: network.convention)
        notes = request.notes + training.notes
    }

    var networks: [TorchExecutor] { [pyramid, boxHead] + (maskHead.map { [$0] } ?? []) }
    var samplerData: SamplerData { training.samplerData }
    var splits: [MeasuredSplit] { sets.map { MeasuredSplit(name: $0.name, every: $0.every) } }

    /// A training picture as the network takes it.
    struct Sample: Sendable {
        /// [3, height, width].
        var image: Tensor
        var truth: PictureObjects
        var masks: [InstanceMask?]
        var size: (height: Int, width: Int) { (image.dims[1], image.dims[2]) }
    }

    /// Places for the samples of a batch, filled by several threads.
    final class Slots: @unchecked Sendable {
        private let lock = NSLock()
        private var samples: [Sample?]
        /// The position of the first among all processes' draws.
        let first: Int
        init(_ count: Int, first: Int) {
            samples = [Sample?](repeating: nil, count: count)
            self.first = first
        }
        func set(_ position: Int, _ sample: Sample) { lock.withLock { samples[position] = sample } }
        var filled: [Sample] { lock.withLock { samples.compactMap { $0 } } }
    }

    func batches(_ passes: Range<Int>, sampler: any Sampler, run: RunContext) -> TaskBatches {
        let (processes, rank) = (run.group.size, run.group.rank)
        let batch = recipe.batch / processes
        let drawing = Drawing(sampler, past: passes.lowerBound * recipe.batch)
        let (set, augmentation, masks, seed) = (training, options.augmentation, maskHead != nil, recipe.seed)
        let writer = TensorWriter(recipe.input.preprocess)
        let maker = Prefetcher<Slots>.Maker(
            choose: { _ in Array(drawing.next(batch * processes)[rank * batch..<(rank + 1) * batch]) },
            begin: { samples in Slots(samples.count, first: rank * batch) },
            fill: { (slots, index, position, sample) throws(LTError) in
                let draw = (index * processes + rank) * batch + position
                var generator = SeededGenerator(seed: seed, index: UInt64(draw))
                let picture = try augmentation.picture(sample, of: set, masks: masks, &generator)
                let tensor = try Tensor(.float32, Shape([3, picture.image.height, picture.image.width]))
                try writer.write(picture.image, into: tensor.elements())
                slots.set(position, Sample(image: tensor, truth: picture.truth, masks: picture.masks))
            })
        let prefetcher = Prefetcher(maker, range: passes, threads: run.threads, ahead: 2, chunk: 1)
        return TaskBatches(
            next: { [self] () throws(LTError) in
                let slots = try prefetcher.next()
                return { [self] (pass) throws(LTError) in try loss(slots.filled, first: slots.first, pass) }
            },
            stop: { prefetcher.stop() })
    }
}

/// A split of a detector's data that is measured.
public struct DetectionSplit: Sendable {
    public var name: String
    public var dataset: Dataset
    /// LVIS's evaluation; else COCO's.
    public var isFederated: Bool
    /// Epochs between measurements; 0: at the end only.
    public var every: Int

    public init(name: String, dataset: Dataset, isFederated: Bool, every: Int = 1) {
        (self.name, self.dataset, self.isFederated, self.every) = (name, dataset, isFederated, every)
    }
}

extension Trainer {
    /// Builds a detector and what trains it.
    /// - Parameters:
    ///   - detection: the training set.
    ///   - validation: the recipe's splits.
    ///   - group: the processes that train together; each makes the same trainer.
    /// - Throws: errors that name the recipe's key, the class, the file or the initializer at fault.
    public convenience init(
        _ recipe: Recipe, detection: DetectionSet, validation: [DetectionSplit] = [], options: Options,
        group: any ProcessGroup = SingleProcess()
    ) throws(LTError) {
        try self.init(recipe, options: options, group: group) { (device) throws(LTError) in
            try DetectionTask(recipe, training: detection, validation: validation, device: device)
        }
    }
}
