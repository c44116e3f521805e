// Fits a decision layer on held-out predictions: first the calibration on raw scores, then per-class thresholds on the
// calibrated scores exactly as the Decider gives them (float32), so that what was fitted is what will be decided.

import LTCore
import LTDecision

extension DecisionLayer {
    /// Returns the layer with calibration and thresholds fitted on multi-label predictions of this model.
    /// - Parameter model: digest of the model file whose raw scores these are.
    /// - Throws: `unsupported` for a layer whose scores are not raw logits under a sigmoid, `shapeMismatch` for another
    ///   number of classes.
    public func fitted(
        on predictions: MultilabelPredictions, options: CalibrationOptions, model: String? = nil
    ) throws(LTError) -> DecisionLayer {
        var layer = try fittedOnly(on: predictions, options, intervals: true)
        let (before, after) = (try predictions.calibrated(by: withoutFit), try predictions.calibrated(by: layer))
        layer.calibration?.fittedOn = predictions.digest
        layer.calibration?.model = model
        layer.calibration?.eceBefore = before.calibration().pooledBins?.ece
        layer.calibration?.eceAfter = after.calibration().pooledBins?.ece
        layer.thresholds?.fittedOn = predictions.digest
        try layer.validate()
        return layer
    }

    /// Returns the layer with calibration and thresholds fitted on multi-class predictions of this model. A threshold is one
    /// for the best class to be taken at all; its class's images that another class wins count as missed.
    /// - Throws: `unsupported` for another activation than softmax.
    public func fitted(
        on predictions: MulticlassPredictions, options: CalibrationOptions, model: String? = nil
    ) throws(LTError) -> DecisionLayer {
        var layer = try fittedOnly(on: predictions, options, intervals: true)
        let after = try predictions.calibrated(by: layer)
        layer.calibration?.fittedOn = predictions.digest
        layer.calibration?.model = model
        layer.calibration?.eceBefore = predictions.confidences.ece()
        layer.calibration?.eceAfter = after.confidences.ece()
        layer.thresholds?.fittedOn = predictions.digest
        try layer.validate()
        return layer
    }

    /// The layer as it is before anything is fitted.
    var withoutFit: DecisionLayer {
        var layer = self
        layer.calibration = nil
        layer.thresholds = nil
        return layer
    }

    /// How classes of few positives lean on others, by the layer's training counts and frequency groups.
    func shrinkage(_ options: CalibrationOptions, classCount: Int) -> Shrinkage {
        var groups: [[Int]] = []
        if let trainCounts, trainCounts.count == classCount {
            let rule = groupRule
            groups = rule.members(trainCounts).map(\.classes).filter { !$0.isEmpty }
        }
        return Shrinkage(positives: options.shrinkage, groups: groups)
    }

    /// The layer's own rule, or that of its task.
    private var groupRule: FrequencyGroups {
        groups ?? (task == .multilabel ? .db : task?.isDetection == true ? .lvis : .imageNetLT)
    }

    /// The parameters alone, without digests and errors.
    func fittedOnly(
        on predictions: MultilabelPredictions, _ options: CalibrationOptions, intervals: Bool
    ) throws(LTError) -> DecisionLayer {
        guard task == .multilabel, activation == .sigmoid else {
            throw unfit("multilabel with sigmoid")
        }
        var layer = withoutFit
        let classes = predictions.classCount
        _ = try Decider(layer, classCount: classes)
        let shrinkage = shrinkage(options, classCount: classes)
        layer.calibration = Calibration(
            try .fit(predictions.events, options.method, shrinkage), shrinkage: shrinkage.positives)
        let scored = try predictions.calibrated(by: layer)
        layer.thresholds = Thresholds.fit(scored.events, options.thresholds, shrinkage, intervals: intervals)
        return layer
    }

    func fittedOnly(
        on predictions: MulticlassPredictions, _ options: CalibrationOptions, intervals: Bool
    ) throws(LTError) -> DecisionLayer {
        guard task == .multiclass || task == .clip, activation == .softmax else {
            throw unfit("multiclass with softmax")
        }
        let predictions = try predictions.known
        var layer = withoutFit
        let classes = predictions.classCount
        let plain = try Decider(layer, classCount: classes)
        let shrinkage = shrinkage(options, classCount: classes)
        let method: Calibration.Method
        switch options.method {
        case .temperature, .sharedTemperature: method = .temperature([Float(Temperature.fit(predictions))])
        case .vector:
            let fit = VectorScaling.fit(predictions, shrinkage)
            method = .vector(w: fit.w.map { Float($0) }, b: fit.b.map { Float($0) })
        case .platt, .beta, .isotonic:
            let odds = try plain.scores(predictions.logits).map { Calibration.Method.logOdds($0) }
            let events = (0..<classes).map { index in
                BinaryEvents(
                    scores: (0..<predictions.rowCount).map { odds[$0 * classes + index] },
                    hits: predictions.labels.map { $0 == index })
            }
            method = try .fit(events, options.method, shrinkage)
        }
        layer.calibration = Calibration(method, shrinkage: shrinkage.positives)
        if options.thresholds != .off {
            let decider = try Decider(layer, classCount: classes)
            layer.thresholds = Thresholds.fit(
                predictions.winners(try decider.scores(predictions.logits)), options.thresholds, shrinkage,
                intervals: intervals)
        }
        return layer
    }

    private func unfit(_ expected: String) -> LTError {
        LTError(
            .unsupported,
            "calibration of task \(task?.rawValue ?? "unknown") with activation "
                + "\(activation?.rawValue ?? "unknown"), expected \(expected)")
    }
}

extension MultilabelPredictions {
    /// The same truth with the calibrated scores of a layer.
    func calibrated(by layer: DecisionLayer) throws(LTError) -> MultilabelPredictions {
        try replacing(scores: Decider(layer, classCount: classCount).scores(scores))
    }
}

extension MulticlassPredictions {
    /// The same truth with logits whose softmax is the calibrated scores of a layer.
    func calibrated(by layer: DecisionLayer) throws(LTError) -> MulticlassPredictions {
        var layer = layer
        layer.task = layer.task ?? .multiclass
        return try MulticlassPredictions(
            logits: Decider(layer, classCount: classCount).logits(logits), labels: labels, classCount: classCount,
            openSet: true)
    }

    /// The images of a known class.
    var known: MulticlassPredictions {
        get throws(LTError) {
            guard labels.contains(where: { $0 < 0 }) else { return self }
            return try selecting(rows: labels.indices.filter { labels[$0] >= 0 })
        }
    }

    func selecting(rows: [Int]) throws(LTError) -> MulticlassPredictions {
        try MulticlassPredictions(
            logits: rows.flatMap { logits(ofRow: $0) }, labels: rows.map { labels[$0] }, classCount: classCount,
            openSet: true)
    }

    /// For each class the images that it wins, by score (the first of equals), and how many of its own it loses.
    func winners(_ scores: [Float]) -> [BinaryEvents] {
        var events = [BinaryEvents](repeating: BinaryEvents(scores: [], hits: []), count: classCount)
        for row in 0..<rowCount {
            var best = row * classCount
            for cell in best..<best + classCount where scores[cell] > scores[best] { best = cell }
            let winner = best - row * classCount
            events[winner].scores.append(scores[best])
            events[winner].hits.append(winner == labels[row])
            if winner != labels[row] { events[labels[row]].missed += 1 }
        }
        return events
    }
}
