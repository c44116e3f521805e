// Validation: the network's scores on other splits, judged by the same reports as `lt-eval classification`: a few values
// after each epoch, whole reports at the end. With `ema` the averaged weights are judged.

import Foundation
import LTCore
import LTDecision
import LTEval
import LTImage

extension Trainer {
    /// Checks that the splits have the classes of the training set, and where it has one class per image, they too.
    static func check(_ splits: [Split], against training: TrainingSet, task: Recipe.Task) throws(LTError) {
        let counts = training.counts
        if !splits.isEmpty, let absent = counts.images.firstIndex(of: 0) {
            throw LTError(
                .invalidArgument,
                "class '\(counts.names[absent])' is in no training image: it belongs to no frequency group to validate by",
                hint: "drop the class from the annotations, give it an image, or leave out `validate`")
        }
        for split in splits {
            try within("validation split '\(split.name)'") { () throws(LTError) in
                guard split.set.labels == training.labels else {
                    let (own, wanted) = (split.set.labels, training.labels)
                    let first = zip(own, wanted).enumerated().first { $0.element.0 != $0.element.1 }
                    let detail = first.map { position, pair in
                        ": class \(position) is \(pair.0.id) '\(pair.0.name)', expected \(pair.1.id) '\(pair.1.name)'"
                    }
                    throw LTError(
                        .shapeMismatch,
                        "its \(own.count) classes are not the training set's \(wanted.count)\(detail ?? "")",
                        hint: "classes are compared by id and name, in order")
                }
                guard !split.set.samples.isEmpty else { throw LTError(.notFound, "it has no samples") }
                if task == .multiclass { try split.set.requireSingleLabels() }
            }
        }
    }

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
            var measured: [(split: Split, metrics: EpochMetrics, recall: [Double?])] = []
            for split in splits where split.every > 0 {
                guard epoch % split.every == 0 || done == length.iterations else { continue }
                let (metrics, recall) = try within("validation split '\(split.name)'") { () throws(LTError) in
                    try measure(split.set, group)
                }
                measured.append((split, metrics, recall))
            }
            for (split, metrics, recall) in measured {
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
                if loss.usesValidation, split.name == recipe.validation.watched?.name {
                    try loss.update(LossValidation(recall: recall, epoch: epoch - 1))
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

    private func measure(_ set: TrainingSet, _ group: any ProcessGroup) throws(LTError) -> (
        metrics: EpochMetrics, recall: [Double?]
    ) {
        let layer = decisionLayer
        if layer.task == .multilabel {
            let predictions = try set.multilabel(try logits(set, group))
            let report = try Report.multilabel(
                predictions, layer: layer, metrics: EpochMetrics.wanted(.multilabel), digest: false)
            return (EpochMetrics(report, .multilabel), loss.usesValidation ? predictions.recall : [])
        }
        let predictions = try set.multiclass(try logits(set, group))
        let report = try Report.multiclass(predictions, layer: layer)
        return (EpochMetrics(report, .multiclass), loss.usesValidation ? predictions.classAccuracy : [])
    }

    /// The logits of each image, [images, classes] row-major.
    /// - Parameter group: the processes that share the images out, and all get the whole.
    func logits(_ set: TrainingSet, _ group: any ProcessGroup) throws(LTError) -> [Float] {
        let (count, classes) = (set.samples.count, set.labels.count)
        let batch = BatchLoader.evaluationBatch(recipe.input)
        // Whole batches for each, so that they are the same ones however many processes there are.
        let rounds = (count + batch * group.size - 1) / (batch * group.size)
        let own = min(count, group.rank * rounds * batch)..<min(count, (group.rank + 1) * rounds * batch)
        let part = TrainingSet(
            samples: Array(set.samples[own]), targets: Array(set.targets[own]), labels: set.labels)
        let loader = BatchLoader(evaluating: part, input: recipe.input, batch: batch, threads: options.threads)
        defer { loader.stop() }
        var result = [Float](repeating: 0, count: count * classes)
        for round in 0..<rounds {
            if try isInterrupted(in: group) {
                throw LTError(
                    .cancelled, "stopped while validating, the state is in \(checkpointPath)",
                    hint: "the same command with --resume goes on")
            }
            guard round * batch < own.count else { continue }
            let images = try loader.next().images
            let scores = try Torch.withoutGrad { () throws(LTError) in
                try executor.run(try TorchTensor(images).channelsLast(), mode: .inference).cast(.float32)
                    .array(of: Float.self)
            }
            let start = (own.lowerBound + round * batch) * classes
            result.replaceSubrange(start..<start + scores.count, with: scores)
        }
        // What the others computed is 0 here.
        try group.sum(&result)
        return result
    }

    /// Judges the network on all splits, in order.
    /// - Returns: one report per split; calibration and thresholds are fitted on the recipe's `calibrate_on`, the exported
    ///   file is not changed.
    public func reports() throws(LTError) -> [(name: String, report: Report)] {
        let alone = SingleProcess()
        return try withFinalWeights { () throws(LTError) in
            var layer = decisionLayer
            // The scores of the split that calibrates are needed twice.
            var kept: [String: [Float]] = [:]
            if let name = recipe.validation.calibrateOn, let split = splits.first(where: { $0.name == name }) {
                let scores = try logits(split.set, alone)
                kept[name] = scores
                layer =
                    layer.task == .multilabel
                    ? try layer.fitted(on: try split.set.multilabel(scores), options: CalibrationOptions())
                    : try layer.fitted(on: try split.set.multiclass(scores), options: CalibrationOptions())
            }
            var reports: [(name: String, report: Report)] = []
            for split in splits {
                let report = try within("validation split '\(split.name)'") { () throws(LTError) in
                    let images = split.set.samples.map(\.name)
                    let scores = if let own = kept[split.name] { own } else { try logits(split.set, alone) }
                    let provenance: [ReportJSON.Member] = [
                        .init("model", .string(modelPath)), .init("split", .string(split.name)),
                        .init("loss", .string(lossName)),
                    ]
                    return layer.task == .multilabel
                        ? try Report.multilabel(
                            try split.set.multilabel(scores), layer: layer, provenance: provenance, figures: true,
                            images: images)
                        : try Report.multiclass(
                            try split.set.multiclass(scores), layer: layer, provenance: provenance, figures: true,
                            images: images)
                }
                reports.append((split.name, report))
            }
            return reports
        }
    }
}

extension TrainingSet {
    /// - Parameter scores: [samples, classes], row-major.
    fileprivate func multiclass(_ scores: [Float]) throws(LTError) -> MulticlassPredictions {
        try requireSingleLabels()
        return try MulticlassPredictions(logits: scores, labels: targets.map { $0[0] }, classCount: labels.count)
    }

    fileprivate func multilabel(_ scores: [Float]) throws(LTError) -> MultilabelPredictions {
        var cells = [UInt8](repeating: 0, count: samples.count * labels.count)
        for (row, target) in targets.enumerated() { for label in target { cells[row * labels.count + label] = 1 } }
        return try MultilabelPredictions(scores: scores, labels: cells, classCount: labels.count)
    }
}

extension MultilabelPredictions {
    /// The share of each class's images whose score is above 0; nil for a class without images.
    fileprivate var recall: [Double?] {
        var found = [Int](repeating: 0, count: classCount)
        var positives = found
        for cell in 0..<rowCount * classCount where labels[cell] {
            positives[cell % classCount] += 1
            if scores[cell] > 0 { found[cell % classCount] += 1 }
        }
        return zip(found, positives).map { $1 == 0 ? nil : Double($0) / Double($1) }
    }
}
