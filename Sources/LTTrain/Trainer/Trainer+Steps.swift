// The loop: batches to steps, epochs to validations, states to checkpoints.

import Foundation
import LTCore
import OrderedCollections

/// What a run spent its time on, in seconds of this process.
struct RunTimes: Sendable {
    var total = 0.0
    /// Waiting for batches.
    var waiting = 0.0
    var validating = 0.0
}

extension Trainer {
    func iterate(from first: Int, to end: Int) throws(LTError) {
        let batches = batches(from: first, to: end)
        defer { batches.stop() }
        progress.begin(at: first)
        let every = recipe.checkpointEvery ?? length.iterationsPerEpoch
        let started = ContinuousClock.now
        var smooth: Double?
        for iteration in first..<end {
            let rate = recipe.optimizer.learningRate * schedule.factor(iteration)
            let (value, parts, norm) = try within("iteration \(iteration)") { () throws(LTError) in
                try step(batches, iteration: iteration, rate: rate)
            }
            let epoch = length.epoch(iteration)
            log.add(
                RunLog.Step(
                    iteration: iteration, epoch: epoch, rate: rate, loss: value, gradientNorm: norm, parts: parts))
            if value.isFinite {
                smooth = smooth.map { 0.95 * $0 + 0.05 * value } ?? value
                epochLoss = (epochLoss.sum + value, epochLoss.count + 1)
            }
            times.total = seconds(since: started)
            let done = iteration + 1
            progress.show(
                done: done,
                text: String(
                    format: "epoch %d/%d  loss %.4f  lr %.3g", epoch + 1, length.epochs, smooth ?? value, rate))
            let stops = try isInterrupted(in: group)
            let endsEpoch = done % length.iterationsPerEpoch == 0 || done == length.iterations
            if endsEpoch, !stops {
                do throws(LTError) { try finishEpoch(done) } catch {
                    // What was trained stays; the next run begins with this validation.
                    if error.code == .cancelled { try save(done, epochIsOpen: true) }
                    throw error
                }
            }
            if done % every == 0 || done == end || stops { try save(done, epochIsOpen: endsEpoch && stops) }
            if stops {
                throw LTError(
                    .cancelled, "stopped after iteration \(iteration), the state is in \(checkpointPath)",
                    hint: "the same command with --resume goes on")
            }
        }
        times.total = seconds(since: started)
    }

    /// Batches for a range of iterations.
    func batches(from first: Int, to end: Int) -> TaskBatches {
        task.batches(first * recipe.accumulate..<end * recipe.accumulate, sampler: sampler, run: context(group))
    }

    func seconds(since start: ContinuousClock.Instant) -> Double { (ContinuousClock.now - start) / .seconds(1) }

    /// One update of the parameters, from the gradients of `accumulate` batches.
    func step(_ batches: TaskBatches, iteration: Int, rate: Double) throws(LTError) -> (
        loss: Double, parts: [Double], norm: Double
    ) {
        var left = recipe.accumulate
        var means = [Double](repeating: 0, count: 1 + task.lossParts.count)
        do throws(LTError) {
            while left > 0 {
                let started = ContinuousClock.now
                let batch = try batches.next()
                times.waiting += seconds(since: started)
                left -= 1
                let values = try backward(batch, iteration: iteration, part: recipe.accumulate - 1 - left)
                for (index, value) in values.enumerated() { means[index] += value }
            }
            try averageOverProcesses()
            let norm = try optimizer.step(rate: rate)
            try average?.update()
            return (means[0], Array(means.dropFirst()), norm)
        } catch {
            guard error.code == .notFinite else { throw error }
            guard optimizer.skipped < recipe.optimizer.skippable else {
                let kept = FileManager.default.fileExists(atPath: checkpointPath)
                throw error.hinting(
                    "lower optimizer.lr, set optimizer.clip_norm, or let optimizer.skip_nan pass over single steps"
                        + (kept ? "; \(checkpointPath) keeps the last good state" : ""))
            }
            optimizer.skip()
            while left > 0 {
                _ = try batches.next()
                left -= 1
            }
            return (.nan, task.lossParts.map { _ in .nan }, .nan)
        }
    }

    /// Adds the gradients of a batch.
    /// - Returns: its share of the loss, then of the loss's parts.
    private func backward(
        _ batch: (TrainingPass) throws(LTError) -> PassLoss, iteration: Int, part: Int
    ) throws(LTError) -> [Double] {
        var mode = TorchMode(training: true, seed: recipe.seed &+ UInt64(iteration) << 32 &+ UInt64(part))
        mode.group = group
        mode.synchronised = recipe.distributed.syncBatchNorm
        let result = try batch(TrainingPass(mode: mode, epoch: length.epoch(iteration)))
        var loss = result.total
        if recipe.accumulate > 1 { loss = try loss / Double(recipe.accumulate) }
        var own = [try loss.item()]
        for part in result.parts { own.append(try part.item() / Double(recipe.accumulate)) }
        let values = try meanOverProcesses(own)
        guard values[0].isFinite else { throw LTError(.notFinite, "the loss is \(values[0])") }
        try loss.backward()
        return values
    }
}
