// Metric: one named number of predictions and truth. Each lies in its own file under Metrics; MetricTable lists them.

/// One metric over inputs of one kind.
public struct Metric<Input>: Sendable {
    /// The key in JSON reports.
    public let name: String
    /// The words in text reports.
    public let title: String
    /// Whether the value is a share, printed as percent in text.
    public let isShare: Bool
    /// The value; `nil` where it is not defined.
    public let value: @Sendable (Input) -> Double?

    public init(
        _ name: String, _ title: String, isShare: Bool = true, _ value: @escaping @Sendable (Input) -> Double?
    ) {
        self.name = name
        self.title = title
        self.isShare = isShare
        self.value = value
    }
}

/// The mean of the values that are there; `nil` when none is.
func mean(_ values: some Sequence<Double?>) -> Double? {
    var sum = 0.0
    var count = 0
    for case let value? in values {
        sum += value
        count += 1
    }
    return count == 0 ? nil : sum / Double(count)
}

/// a / b, and 0 for 0 / 0, as scikit-learn's precision, recall and F1 have it.
func ratio(_ a: Int, _ b: Int) -> Double { b == 0 ? 0 : Double(a) / Double(b) }
