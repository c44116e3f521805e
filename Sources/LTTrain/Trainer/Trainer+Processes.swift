// Training by several processes: each takes its rows of every batch, then gradients are averaged, so that all make the same
// step. The recipe's batch is the whole one: results do not depend on the number of processes, up to rounding, when batch
// normalisations are synchronised (or frozen).

import LTCore

/// A recipe's `distributed` section.
public struct DistributedOptions: Sendable, Equatable {
    /// Batch normalisation uses the statistics of the whole batch instead of each process's share.
    public var syncBatchNorm = false
    public init() {}

    init(_ section: RecipeSection?) throws(LTError) {
        guard let section else { return }
        syncBatchNorm = try section.bool("sync_batch_norm") ?? false
        try section.finish()
    }
}

extension Trainer {
    /// - Throws: `invalidArgument` when the batch does not divide.
    static func checkShares(_ recipe: Recipe, _ group: any ProcessGroup) throws(LTError) {
        guard recipe.batch % group.size == 0 else {
            throw LTError(
                .invalidArgument, "batch: \(recipe.batch) images do not divide among \(group.size) processes",
                hint: "`batch` is that of all processes together")
        }
    }

    /// Whether any process of a group was interrupted. Every process of it must ask.
    func isInterrupted(in group: any ProcessGroup) throws(LTError) -> Bool {
        var flags = [options.isInterrupted() ? 1.0 : 0]
        try group.sum(&flags)
        return flags[0] > 0
    }

    /// The mean of the processes' losses: no number in all when it is none in one.
    func meanOverProcesses(_ losses: [Double]) throws(LTError) -> [Double] {
        var values = losses
        try group.sum(&values)
        return values.map { $0 / Double(group.size) }
    }

    /// Averages gradients, and running statistics of batch normalisations that saw only a share, in one exchange.
    func averageOverProcesses() throws(LTError) {
        guard group.size > 1 else { return }
        var tensors = try optimizer.gradients()
        if !recipe.distributed.syncBatchNorm { tensors += weights.changingStatistics }
        try group.average(tensors)
    }
}
