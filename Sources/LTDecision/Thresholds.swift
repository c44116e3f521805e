// Thresholds: per class, the calibrated score from which on a class is decided to be there (score ≥ threshold).

/// Per-class decision thresholds on calibrated scores.
public struct Thresholds: Sendable, Equatable, Codable {
    /// What a class without a threshold of its own uses.
    public static let fallback: Float = 0.5

    /// What the thresholds are best for: "f1", "precision=0.9", "recall=0.9", "cost=1:5".
    public var objective: String
    /// `nil` where a class had no positives to fit on.
    public var values: [Float?]
    /// Positives that each value was fitted on.
    public var positives: [Int]?
    /// 95 % interval of each value, [low, high], from images drawn again.
    public var intervals: [[Float]?]?
    /// Positions of the classes that no threshold takes to what the objective demands; they have what comes closest.
    public var unmet: [Int]?
    /// Positives that weigh as much as what a class's group says.
    public var shrinkage: Double?
    /// Digest of the predictions and labels they were fitted on.
    public var fittedOn: String?

    public init(
        objective: String, values: [Float?], positives: [Int]? = nil, intervals: [[Float]?]? = nil,
        unmet: [Int]? = nil, shrinkage: Double? = nil, fittedOn: String? = nil
    ) {
        self.objective = objective
        self.values = values
        self.positives = positives
        self.intervals = intervals
        self.unmet = unmet
        self.shrinkage = shrinkage
        self.fittedOn = fittedOn
    }

    enum CodingKeys: String, CodingKey {
        case objective, values, positives, intervals, unmet, shrinkage
        case fittedOn = "fitted_on"
    }
}
