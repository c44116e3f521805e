// Validation: the network's scores on other splits, judged by the same reports as `lt-eval classification`: a few values
// after each epoch, whole reports at the end.

import Foundation
import LTCore
import LTDecision
import LTEval
import LTImage

extension ClassificationTask {
    /// Checks that the splits have the classes of the training set, and where it has one class per image, they too.
    static func check(_ splits: [Trainer.Split], against training: TrainingSet, task: Recipe.Task) throws(LTError) {
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

    func measure(_ split: Int, run: RunContext) throws(LTError) -> Measurement {
        let (set, layer) = (sets[split].set, decisionLayer)
        if layer.task == .multilabel {
            let predictions = try set.multilabel(try logits(set, run))
            let report = try Report.multilabel(
                predictions, layer: layer, metrics: EpochMetrics.wanted(.multilabel), digest: false)
            return Measurement(
                metrics: EpochMetrics(report, .multilabel), recall: loss.usesValidation ? predictions.recall : [])
        }
        let predictions = try set.multiclass(try logits(set, run))
        let report = try Report.multiclass(predictions, layer: layer)
        return Measurement(
            metrics: EpochMetrics(report, .multiclass), recall: loss.usesValidation ? predictions.classAccuracy : [])
    }

    /// The logits of each image, [images, classes] row-major.
    /// - Parameter run: its processes share the images out, and all get the whole.
    private func logits(_ set: TrainingSet, _ run: RunContext) throws(LTError) -> [Float] {
        let group = run.group
        let (count, classes) = (set.samples.count, set.labels.count)
        let batch = BatchLoader.evaluationBatch(recipe.input)
        // Whole batches for each, so that they are the same ones however many processes there are.
        let rounds = (count + batch * group.size - 1) / (batch * group.size)
        let own = min(count, group.rank * rounds * batch)..<min(count, (group.rank + 1) * rounds * batch)
        let part = TrainingSet(
            samples: Array(set.samples[own]), targets: Array(set.targets[own]), labels: set.labels)
        let loader = BatchLoader(evaluating: part, input: recipe.input, batch: batch, threads: run.threads)
        defer { loader.stop() }
        var result = [Float](repeating: 0, count: count * classes)
        for round in 0..<rounds {
            try run.check(group)
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

    func reports(_ provenance: [ReportJSON.Member], run: RunContext) throws(LTError) -> [(name: String, report: Report)]
    {
        var layer = decisionLayer
        // The scores of the split that calibrates are needed twice.
        var kept: [String: [Float]] = [:]
        if let name = recipe.validation.calibrateOn, let split = sets.first(where: { $0.name == name }) {
            let scores = try logits(split.set, run)
            kept[name] = scores
            layer =
                layer.task == .multilabel
                ? try layer.fitted(on: try split.set.multilabel(scores), options: CalibrationOptions())
                : try layer.fitted(on: try split.set.multiclass(scores), options: CalibrationOptions())
        }
        var reports: [(name: String, report: Report)] = []
        for split in sets {
            let report = try within("validation split '\(split.name)'") { () throws(LTError) in
                let images = split.set.samples.map(\.name)
                let scores = if let own = kept[split.name] { own } else { try logits(split.set, run) }
                var provenance = provenance
                provenance.insert(.init("split", .string(split.name)), at: 1)
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

    func trainingReport(_ provenance: [ReportJSON.Member]) -> Report {
        .ofTraining(
            task: decisionLayer.task?.rawValue ?? "training", images: training.samples.count, training.counts,
            training.labels, recipe.groups, provenance + [.init("recipe", .string(recipe.text))])
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
