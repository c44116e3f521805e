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
        let loader = loader(from: first, to: end)
        defer { loader.stop() }
        progress.begin(at: first)
        let every = recipe.checkpointEvery ?? length.iterationsPerEpoch
        let started = ContinuousClock.now
        var smooth: Double?
        for iteration in first..<end {
            let rate = recipe.optimizer.learningRate * schedule.factor(iteration)
            let (value, norm) = try within("iteration \(iteration)") { () throws(LTError) in
                try step(loader, iteration: iteration, rate: rate)
            }
            let epoch = length.epoch(iteration)
            log.add(RunLog.Step(iteration: iteration, epoch: epoch, rate: rate, loss: value, gradientNorm: norm))
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
    func loader(from first: Int, to end: Int) -> BatchLoader {
        let parts = recipe.accumulate
        var loading = BatchLoader.Options(batch: recipe.batch / group.size, end: end * parts, seed: recipe.seed)
        loading.first = first * parts
        loading.threads = options.threads
        (loading.rank, loading.processes) = (group.rank, group.size)
        return BatchLoader(
            training, cache: cache, sampler: sampler, input: recipe.input, augmentation: recipe.augmentation,
            options: loading)
    }

    func seconds(since start: ContinuousClock.Instant) -> Double { (ContinuousClock.now - start) / .seconds(1) }

    /// One update of the parameters, from the gradients of `accumulate` batches.
    func step(_ loader: BatchLoader, iteration: Int, rate: Double) throws(LTError) -> (
        loss: Double, norm: Double
    ) {
        var left = recipe.accumulate
        var mean = 0.0
        do throws(LTError) {
            while left > 0 {
                let started = ContinuousClock.now
                let batch = try loader.next()
                times.waiting += seconds(since: started)
                left -= 1
                mean += try backward(batch, iteration: iteration, part: recipe.accumulate - 1 - left)
            }
            try averageOverProcesses()
            let norm = try optimizer.step(rate: rate)
            try average?.update()
            return (mean, norm)
        } catch {
            guard error.code == .notFinite else { throw error }
            guard optimizer.skipped < recipe.optimizer.skippable else {
                throw error.hinting(
                    "lower optimizer.lr, set optimizer.clip_norm, or let optimizer.skip_nan pass over single steps; "
                        + "\(checkpointPath) keeps the last good state")
            }
            optimizer.skip()
            while left > 0 {
                _ = try loader.next()
                left -= 1
            }
            return (.nan, .nan)
        }
    }

    /// Adds the gradients of a batch; returns its share of the loss.
    private func backward(_ batch: Batch, iteration: Int, part: Int) throws(LTError) -> Double {
        let images = try TorchTensor(batch.images).channelsLast()
        var mode = TorchMode(training: true, seed: recipe.seed &+ UInt64(iteration) << 32 &+ UInt64(part))
        mode.group = group
        mode.synchronised = recipe.distributed.syncBatchNorm
        let targets = try TorchTensor(batch.targets).cast(recipe.precision.weights)
        var loss = try loss(lossInput(images, targets, mode, epoch: length.epoch(iteration)))
        if recipe.accumulate > 1 { loss = try loss / Double(recipe.accumulate) }
        let value = try meanOverProcesses(try loss.item())
        guard value.isFinite else { throw LTError(.notFinite, "the loss is \(value)") }
        try loss.backward()
        return value
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
}
