// TrainingTask: what a run trains and judges. The loop around it (schedule, optimizer, averages, checkpoints, logs, processes)
// is Trainer's and the same for every task.

import LTCore
import LTEval
import LTGraph
import OrderedCollections

/// Networks, loss, batches and measurements of one kind of model.
protocol TrainingTask: AnyObject {
    /// The graphs under autograd; no two have a weight of the same name.
    var networks: [TorchExecutor] { get }
    /// What the user should be told about them.
    var notes: [String] { get }
    /// The loss of the classes: what it remembers is in the checkpoint.
    var loss: any Loss { get }
    var lossName: String { get }
    /// What samplers draw from.
    var samplerData: SamplerData { get }
    /// The splits that are measured, in the recipe's order.
    var splits: [MeasuredSplit] { get }
    /// The values that a measurement may give; the first is what `select` means without `metric`.
    var metrics: [EpochMetrics.Entry] { get }
    /// The parts of the loss beside their sum, in the order of the log.
    var lossParts: [String] { get }

    /// What `reports` gives, by name.
    var reportNames: [String] { get }
    /// "3755 images, 40 classes".
    var dataSummary: String { get }

    /// Batches of this process for a range of passes (an iteration has `accumulate` of them), made ahead.
    /// - Parameter sampler: at the start of the run.
    func batches(_ passes: Range<Int>, sampler: any Sampler, run: RunContext) -> TaskBatches
    /// Judges the weights as they are on a split.
    func measure(_ split: Int, run: RunContext) throws(LTError) -> Measurement
    /// Whole reports on all splits, in order, by this process alone.
    func reports(_ provenance: [ReportJSON.Member], run: RunContext) throws(LTError) -> [(name: String, report: Report)]
    /// What is known without a split: the classes.
    func trainingReport(_ provenance: [ReportJSON.Member]) -> Report
    /// The graph with the weights as they are and its decision layer.
    func export() throws(LTError) -> Graph
}

extension TrainingTask {
    var lossParts: [String] { [] }
    var reportNames: [String] { splits.map(\.name) }
    var dataSummary: String { "\(samplerData.labels.count) images, \(samplerData.classNames.count) classes" }
}

/// A split's name, and the epochs between its measurements; 0: at the end only.
struct MeasuredSplit: Sendable {
    var name: String
    var every: Int
}

/// What a measurement after an epoch gives.
struct Measurement {
    var metrics: EpochMetrics
    /// Recall per class, for losses that ask for it.
    var recall: [Double?] = []
}

/// What tasks need to know of the run.
struct RunContext {
    var threads: Int
    var group: any ProcessGroup
    /// Asked between batches, by all processes of a group at once: throws `cancelled` when one of them was interrupted.
    var check: (_ group: any ProcessGroup) throws(LTError) -> Void
}

/// One pass: forward and loss of a batch.
struct TrainingPass {
    /// Training, with the pass's seed and the processes.
    var mode: TorchMode
    /// Counted from 0.
    var epoch: Int
}

/// The loss of this process's share of a batch, under autograd.
struct PassLoss {
    var total: TorchTensor
    /// The values of `TrainingTask.lossParts`.
    var parts: [TorchTensor] = []
}

/// Batches in order, one consumer.
struct TaskBatches {
    /// Waits for the next batch; the result computes its loss.
    var next: () throws(LTError) -> (TrainingPass) throws(LTError) -> PassLoss
    /// Ends what makes batches.
    var stop: () -> Void
}

/// The weights of several networks as one set of names.
struct NetworkWeights {
    let networks: [TorchExecutor]

    var trainableNames: [String] { networks.flatMap(\.trainableNames) }
    var statisticNames: [String] { networks.flatMap(\.statisticNames) }
    var parameterCount: Int { networks.reduce(0) { $0 + $1.parameterCount } }

    private func owner(_ name: String) -> TorchExecutor? {
        networks.first { $0.trainableNames.contains(name) || $0.statisticNames.contains(name) }
    }

    /// Weights that are trained or may be, then running statistics.
    func all() -> OrderedDictionary<String, TorchTensor> {
        var result: OrderedDictionary<String, TorchTensor> = [:]
        for network in networks { for name in network.trainableNames { result[name] = network.initializers[name] } }
        for (name, statistic) in statistics { result[name] = statistic }
        return result
    }

    /// Running statistics of batch normalisations.
    var statistics: OrderedDictionary<String, TorchTensor> {
        var result: OrderedDictionary<String, TorchTensor> = [:]
        for network in networks { for name in network.statisticNames { result[name] = network.initializers[name] } }
        return result
    }

    /// Running statistics that change.
    var changingStatistics: [TorchTensor] {
        networks.flatMap { network in
            network.statisticNames.filter { !network.frozenStatistics.contains($0) }.compactMap {
                network.initializers[$0]
            }
        }
    }

    /// Overwrites a weight.
    /// - Throws: `notFound`, `shapeMismatch`.
    func load(_ name: String, _ tensor: Tensor) throws(LTError) {
        guard let owner = owner(name) else { throw LTError(.notFound, "no initializer '\(name)'") }
        try owner.load(name, tensor)
    }

    /// Marks what is trained; what the patterns freeze stays as it is.
    /// - Returns: the parameters by name.
    /// - Throws: `notFound` for a pattern that matches nothing, `invalidArgument` when nothing is left.
    func freeze(_ freeze: Recipe.Freeze) throws(LTError) -> OrderedDictionary<String, TorchTensor> {
        let frozen = { (name: String) in freeze.parameters.contains { matches(name, pattern: $0) } }
        let (trainable, statistics) = (trainableNames, statisticNames)
        for pattern in freeze.batchNorm
        where pattern != "*" && !statistics.contains(where: { matches($0, pattern: pattern) }) {
            throw LTError(.notFound, "freeze.batch_norm: '\(pattern)' matches no batch normalisation of the network")
        }
        for pattern in freeze.parameters
        where !(trainable + statistics).contains(where: { matches($0, pattern: pattern) }) {
            throw LTError(.notFound, "freeze.parameters: '\(pattern)' matches no initializer of the network")
        }
        var trained: OrderedDictionary<String, TorchTensor> = [:]
        for network in networks {
            network.frozenStatistics = Set(
                network.statisticNames.filter { name in
                    frozen(name) || freeze.batchNorm.contains { matches(name, pattern: $0) }
                })
            for name in network.trainableNames where !frozen(name) {
                guard let parameter = network.initializers[name] else { continue }
                try parameter.setRequiresGrad(true)
                trained[name] = parameter
            }
        }
        guard !trained.isEmpty else { throw LTError(.invalidArgument, "freeze.parameters leaves nothing to train") }
        return trained
    }
}
