// Fits a decision layer on held-out predictions: first the calibration on raw scores, then per-class thresholds on the
// calibrated scores exactly as the Decider gives them (float32), so that what was fitted is what will be decided.

import LTCore
import LTDecision

/// What is fitted, and how.
public struct CalibrationOptions: Sendable {
    public enum Method: String, Sendable, CaseIterable {
        /// One temperature per class (one in all for multi-class problems).
        case temperature
        /// One temperature for all classes.
        case sharedTemperature = "temperature-shared"
        /// Slope and offset per class, multi-label only.
        case platt
    }

    public enum Objective: String, Sendable, CaseIterable {
        /// Greatest F1 of each class, multi-label only.
        case f1
        /// No thresholds.
        case none
    }

    public var method: Method
    public var thresholds: Objective
    /// Classes with fewer positives (or negatives) share what they cannot fit alone.
    public var minimumPositives: Int

    public init(method: Method = .platt, thresholds: Objective = .f1, minimumPositives: Int = 10) {
        self.method = method
        self.thresholds = thresholds
        self.minimumPositives = minimumPositives
    }
}

extension DecisionLayer {
    /// Returns the layer with calibration and thresholds fitted on multi-label predictions of this model.
    /// - Parameter model: digest of the model file whose raw scores these are.
    /// - Throws: `unsupported` for a layer whose scores are not raw logits under a sigmoid, `shapeMismatch` for another
    ///   number of classes.
    public func fitted(
        on predictions: MultilabelPredictions, options: CalibrationOptions, model: String? = nil
    ) throws(LTError) -> DecisionLayer {
        guard task == .multilabel, activation == .sigmoid else {
            throw LTError(
                .unsupported,
                "calibration of task \(task?.rawValue ?? "unknown") with activation "
                    + "\(activation?.rawValue ?? "unknown"), expected multilabel with sigmoid")
        }
        var layer = self
        layer.calibration = nil
        layer.thresholds = nil
        let before = try Decider(layer, classCount: predictions.classCount)
        let method: Calibration.Method
        switch options.method {
        case .temperature:
            method = .temperature(
                Temperature.fitPerClass(predictions, minimum: options.minimumPositives).map { Float($0) })
        case .sharedTemperature:
            method = .temperature([Float(Temperature.fit(scores: predictions.scores, labels: predictions.labels))])
        case .platt:
            let fits = Platt.fitPerClass(predictions, minimum: options.minimumPositives)
            method = .platt(a: fits.map { Float($0.a) }, b: fits.map { Float($0.b) })
        }
        layer.calibration = Calibration(method, fittedOn: predictions.digest, model: model)
        let calibrated = try predictions.replacing(
            scores: Decider(layer, classCount: predictions.classCount).scores(predictions.scores))
        let plain = try predictions.replacing(scores: before.scores(predictions.scores))
        layer.calibration?.eceBefore = plain.confidences.ece()
        layer.calibration?.eceAfter = calibrated.confidences.ece()
        if options.thresholds == .f1 {
            let best = (0..<predictions.classCount).map {
                F1Threshold.fit(scores: calibrated.scores(ofClass: $0), labels: calibrated.labels(ofClass: $0))
            }
            layer.thresholds = Thresholds(
                objective: "f1", values: best.map { $0?.threshold }, positives: predictions.positives,
                fittedOn: predictions.digest)
        }
        try layer.validate()
        return layer
    }

    /// Returns the layer with one temperature fitted on multi-class predictions of this model.
    /// - Throws: `unsupported` for another activation than softmax, another method or thresholds.
    public func fitted(
        on predictions: MulticlassPredictions, options: CalibrationOptions, model: String? = nil
    ) throws(LTError) -> DecisionLayer {
        guard task == .multiclass || task == .clip, activation == .softmax else {
            throw LTError(
                .unsupported,
                "calibration of task \(task?.rawValue ?? "unknown") with activation "
                    + "\(activation?.rawValue ?? "unknown"), expected multiclass with softmax")
        }
        guard options.method != .platt else {
            throw LTError(.unsupported, "platt scaling is for multi-label models", hint: "use --method temperature")
        }
        guard options.thresholds == .none else {
            throw LTError(
                .unsupported, "a multi-class decision takes the best class, it has no F1 threshold",
                hint: "use --thresholds none")
        }
        var layer = self
        layer.thresholds = nil
        let temperature = Temperature.fit(predictions)
        layer.calibration = Calibration(
            .temperature([Float(temperature)]), fittedOn: predictions.digest, model: model,
            eceBefore: predictions.confidences.ece(),
            eceAfter: try MulticlassPredictions(
                logits: predictions.logits.map { $0 / Float(temperature) }, labels: predictions.labels,
                classCount: predictions.classCount
            ).confidences.ece())
        try layer.validate()
        return layer
    }
}
