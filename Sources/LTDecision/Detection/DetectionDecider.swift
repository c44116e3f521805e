// DetectionDecider: detections → calibrated scores → decisions, as Decider for class scores. A detector's score is a
// probability already, so calibration works on its log-odds z = ln(p / (1 − p)).

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What was decided about one detection.
public struct DetectionDecision: Sendable, Equatable {
    public var detection: Detection
    /// Calibrated, 0…1.
    public var score: Float
    /// Whether the score reaches the threshold.
    public var isPositive: Bool
}

/// The part of a decision layer that concerns finished detections.
///
/// A detection is positive when its calibrated score reaches the threshold of its class (`lt.thresholds`); where there is
/// none, the layer's `score_threshold`, which every detection of a store has passed.
public struct DetectionDecider: Sendable, Equatable {
    private let calibration: Calibration.Method?
    private let thresholds: [Float?]?
    /// What a class without a threshold of its own uses.
    public let scoreThreshold: Float

    public init(_ layer: DecisionLayer) throws(LTError) {
        try layer.validate()
        calibration = layer.calibration?.method
        thresholds = layer.thresholds?.values
        scoreThreshold = layer.postprocess?.scoreThreshold ?? 0
    }

    /// The threshold that the model has for a class; `nil` where it has none of its own.
    public func threshold(_ category: Int) -> Float? {
        guard let thresholds, thresholds.indices.contains(category) else { return nil }
        return thresholds[category]
    }

    var isCalibrated: Bool { calibration != nil }

    static func logOdds(_ score: Float) -> Float { Float(log(Double(score)) - log(1 - Double(score))) }

    /// The calibrated score; that of a class that the calibration does not know stays.
    public func calibrated(_ score: Float, _ category: Int) -> Float {
        guard let calibration else { return score }
        let index = calibration.count == 1 ? 0 : category
        guard index >= 0, index < calibration.count else { return score }
        return calibration.score(Calibration.Method.logOdds(score), ofClass: index)
    }

    /// Decides about the detections of one image.
    public func decide(_ detections: [Detection]) -> [DetectionDecision] {
        detections.map { detection in
            let score = calibrated(detection.score, detection.category)
            return DetectionDecision(
                detection: detection, score: score,
                isPositive: score >= (threshold(detection.category) ?? scoreThreshold))
        }
    }
}

/// What was decided about one image.
public enum Decisions: Sendable, Equatable {
    /// One per class.
    case classes([ClassDecision])
    /// One per detection, best first.
    case detections([DetectionDecision])

    /// The decisions about classes; `nil` for a detector's.
    public var classes: [ClassDecision]? { if case .classes(let decisions) = self { decisions } else { nil } }
    /// The decisions about detections; `nil` for a classifier's.
    public var detections: [DetectionDecision]? { if case .detections(let list) = self { list } else { nil } }
}

/// A decision layer made ready for a model of any task.
public enum PredictionDecider: Sendable {
    case classes(Decider)
    case detections(DetectionDecider)

    /// - Parameter classCount: columns of the model's output, for tasks with one score per class.
    /// - Throws: as `Decider`.
    public init(_ layer: DecisionLayer, classCount: Int) throws(LTError) {
        self =
            layer.task?.isDetection == true
            ? .detections(try DetectionDecider(layer)) : .classes(try Decider(layer, classCount: classCount))
    }

    /// Decides about one image.
    /// - Throws: `shapeMismatch` for another number of scores, `typeMismatch` for predictions of another task.
    public func decide(_ prediction: Prediction) throws(LTError) -> Decisions {
        switch (self, prediction) {
        case (.classes(let decider), .scores(let raw)): return .classes(try decider.decide(raw))
        case (.detections(let decider), .detections(let list)): return .detections(decider.decide(list))
        case (.classes, .detections): throw LTError(.typeMismatch, "detections, expected scores of classes")
        case (.detections, .scores): throw LTError(.typeMismatch, "scores of classes, expected detections")
        }
    }
}
