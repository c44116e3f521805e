// Thresholds: per class, the calibrated score from which on a class is decided to be there (score ≥ threshold).

/// Per-class decision thresholds on calibrated scores.
public struct Thresholds: Sendable, Equatable, Codable {
    /// What a class without a threshold of its own uses.
    public static let fallback: Float = 0.5

    /// What the thresholds maximise: "f1".
    public var objective: String
    /// `nil` where a class had no positives to fit on.
    public var values: [Float?]
    /// Positives that each value was fitted on.
    public var positives: [Int]?
    /// Digest of the predictions and labels they were fitted on.
    public var fittedOn: String?

    public init(objective: String, values: [Float?], positives: [Int]? = nil, fittedOn: String? = nil) {
        self.objective = objective
        self.values = values
        self.positives = positives
        self.fittedOn = fittedOn
    }

    enum CodingKeys: String, CodingKey {
        case objective, values, positives
        case fittedOn = "fitted_on"
    }
}
