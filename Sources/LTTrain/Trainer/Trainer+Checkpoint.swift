// Checkpoints of a run: the whole state after an iteration, and the weights of the best epoch. Order of writing: the best
// weights, the logs, the state; a kill between any two leaves an older state from which the same files come again.

import Foundation
import LTCore
import OrderedCollections

extension Trainer {
    /// Weights and running statistics, as they are.
    private func tensors() throws(LTError) -> OrderedDictionary<String, Tensor> {
        var tensors: OrderedDictionary<String, Tensor> = [:]
        for (name, tensor) in weights.all() { tensors[name] = try tensor.host() }
        return tensors
    }

    private func load(_ tensors: OrderedDictionary<String, Tensor>, from path: String) throws(LTError) {
        for name in weights.all().keys {
            guard let tensor = tensors[name] else { throw LTError(.notFound, "\(path) has no '\(name)'") }
            try weights.load(name, tensor)
        }
    }

    /// Writes the state.
    /// - Parameter epochIsOpen: the epoch ends here and was not measured yet.
    func save(_ iteration: Int, epochIsOpen: Bool = false) throws(LTError) {
        var checkpoint = Checkpoint(iteration: iteration, recipeDigest: recipe.digest, tensors: try tensors())
        checkpoint.epochIsOpen = epochIsOpen
        checkpoint.best = best
        checkpoint.add("optimizer/", try optimizer.state())
        checkpoint.add("loss/", try task.loss.state())
        if let average { checkpoint.add("ema/", try average.state()) }
        guard group.rank == 0 else { return }
        try log.flush()
        try checkpoint.write(to: checkpointPath)
    }

    /// Keeps the weights as they are now as those of the best epoch.
    func saveBest(_ iteration: Int) throws(LTError) {
        guard group.rank == 0 else { return }
        var checkpoint = Checkpoint(iteration: iteration, recipeDigest: recipe.digest, tensors: try tensors())
        checkpoint.best = best
        try checkpoint.write(to: bestPath)
    }

    /// Takes up the weights of the best epoch.
    func loadBest() throws(LTError) {
        try load(try Checkpoint.read(bestPath).tensors, from: bestPath)
        holdsBest = true
    }

    /// Takes up the checkpoint; returns the iterations done.
    func restore() throws(LTError) -> Int {
        guard FileManager.default.fileExists(atPath: checkpointPath) else {
            throw LTError(.notFound, "no checkpoint \(checkpointPath) to resume", hint: "run without --resume")
        }
        let checkpoint = try Checkpoint.read(checkpointPath)
        // Nobody writes a newer one before everybody has read this.
        _ = try isInterrupted(in: group)
        guard checkpoint.recipeDigest == recipe.digest else {
            throw LTError(
                .conflict, "\(checkpointPath) was made by another recipe (or other --set values)",
                hint: "give another --out, or run without --resume to start over")
        }
        guard checkpoint.iteration <= length.iterations else {
            throw LTError(
                .conflict, "\(checkpointPath) is at iteration \(checkpoint.iteration) of \(length.iterations)")
        }
        try load(checkpoint.tensors, from: checkpointPath)
        try optimizer.restore(checkpoint.part("optimizer/"))
        try task.loss.restore(checkpoint.part("loss/"))
        try average?.restore(checkpoint.part("ema/"))
        best = checkpoint.best
        let done = checkpoint.iteration
        try log.begin(at: done, epochIsOpen: checkpoint.epochIsOpen)
        let epoch = length.epoch(checkpoint.epochIsOpen ? max(0, done - 1) : done)
        for step in try log.steps() where step.epoch == epoch && step.loss.isFinite {
            epochLoss = (epochLoss.sum + step.loss, epochLoss.count + 1)
        }
        progress.begin(at: done)
        if checkpoint.epochIsOpen {
            try finishEpoch(done)
            try save(done)
        }
        return done
    }
}
