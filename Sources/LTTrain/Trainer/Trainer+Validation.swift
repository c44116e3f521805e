// Validation: when which split is measured, what its values change. With `ema` the averaged weights are judged.

import LTCore
import LTEval

extension Trainer {
    /// Runs `body` on the weights that are validated and exported.
    func withFinalWeights<Result>(_ body: () throws(LTError) -> Result) throws(LTError) -> Result {
        guard let average, !holdsBest else { return try body() }
        return try average.whileApplied(body)
    }

    /// Measures the splits whose turn it is after an epoch, tells the loss, notes the best epoch, writes the log.
    /// - Parameter done: iterations done.
    /// - Throws: `cancelled` when interrupted between batches; nothing has changed then.
    func finishEpoch(_ done: Int) throws(LTError) {
        let epoch = length.epoch(done - 1) + 1
        let started = ContinuousClock.now
        var record = RunLog.Epoch(
            epoch: epoch, iteration: done,
            rate: recipe.optimizer.learningRate * schedule.factor(done - 1),
            loss: epochLoss.count == 0 ? nil : epochLoss.sum / Double(epochLoss.count))
        try withFinalWeights { () throws(LTError) in
            // First everything is measured, then things change: an interruption between changes nothing.
            var measured: [(split: MeasuredSplit, measurement: Measurement)] = []
            for (position, split) in task.splits.enumerated() where split.every > 0 {
                guard epoch % split.every == 0 || done == length.iterations else { continue }
                let measurement = try within("validation split '\(split.name)'") { () throws(LTError) in
                    try task.measure(position, run: context(group))
                }
                measured.append((split, measurement))
            }
            for (split, measurement) in measured {
                let metrics = measurement.metrics
                record.validation[split.name] = metrics.values
                var isBest = false
                if let selection, selection.split == split.name {
                    let value = try selection.value(metrics)
                    isBest = selection.isBetter(value, than: best?.value)
                    if isBest {
                        best = Best(epoch: epoch, value: value)
                        try saveBest(done)
                    }
                    record.best = best?.epoch
                }
                if task.loss.usesValidation, split.name == recipe.validation.watched?.name {
                    try task.loss.update(LossValidation(recall: measurement.recall, epoch: epoch - 1))
                }
                progress.note(
                    "epoch \(epoch)/\(length.epochs)  \(split.name): \(metrics.text)\(isBest ? "  (best so far)" : "")")
            }
        }
        epochLoss = (0, 0)
        let spent = seconds(since: started)
        times.validating += spent
        record.seconds = times.total
        record.validationSeconds = spent
        record.waitSeconds = times.waiting
        log.add(record)
    }

    /// What the task needs to know.
    /// - Parameter group: those who share the work.
    func context(_ group: any ProcessGroup) -> RunContext {
        RunContext(threads: options.threads, group: group) { [self] (group) throws(LTError) in
            guard try isInterrupted(in: group) else { return }
            throw LTError(
                .cancelled, "stopped while validating, the state is in \(checkpointPath)",
                hint: "the same command with --resume goes on")
        }
    }

    /// Judges the network on all splits, in order.
    /// - Returns: one report per split; calibration and thresholds are fitted on the recipe's `calibrate_on`, the exported
    ///   file is not changed.
    public func reports() throws(LTError) -> [(name: String, report: Report)] {
        try withFinalWeights { () throws(LTError) in try task.reports(provenance, run: context(SingleProcess())) }
    }

    /// What reports say of the model.
    var provenance: [ReportJSON.Member] {
        [.init("model", .string(modelPath)), .init("loss", .string(task.lossName))]
    }
}
