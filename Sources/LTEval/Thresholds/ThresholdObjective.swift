// ThresholdObjective: what a class's threshold is best for. Each is a value of (true positives TP, predicted, positives),
// greatest at the best threshold, and perhaps a demand; where no threshold meets that, the one that comes closest is taken.
// Equal values: the highest threshold.

import LTCore

/// What thresholds are chosen by.
public enum ThresholdObjective: Sendable, Equatable {
    /// Greatest 2·TP / (predicted + positives).
    case f1
    /// Greatest recall with a precision of at least this.
    case precision(Double)
    /// Greatest precision with a recall of at least this.
    case recall(Double)
    /// Least cost, of false positives and of false negatives; to predict nothing is allowed.
    case cost(falsePositive: Double, falseNegative: Double)
    /// No thresholds.
    case off

    /// Reads `f1`, `precision=0.9`, `recall=0.9`, `cost=1:5` or `none`.
    /// - Throws: `invalidArgument`.
    public init(_ text: String) throws(LTError) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        func share(_ text: String) -> Double? { Double(text).flatMap { $0 > 0 && $0 <= 1 ? $0 : nil } }
        switch (parts.first, parts.count > 1 ? parts[1] : nil) {
        case ("f1", nil): self = .f1
        case ("none", nil): self = .off
        case ("precision", let text?):
            guard let value = share(text) else { throw Self.invalid(text, "a share above 0, at most 1") }
            self = .precision(value)
        case ("recall", let text?):
            guard let value = share(text) else { throw Self.invalid(text, "a share above 0, at most 1") }
            self = .recall(value)
        case ("cost", let text?):
            let costs = text.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) ?? -1 }
            guard costs.count == 2, costs.allSatisfy({ $0 > 0 && $0.isFinite }) else {
                throw Self.invalid(text, "FP:FN, two numbers above 0")
            }
            self = .cost(falsePositive: costs[0], falseNegative: costs[1])
        default: throw Self.invalid(text, "f1, precision=0.9, recall=0.9, cost=FP:FN or none")
        }
    }

    private static func invalid(_ text: String, _ expected: String) -> LTError {
        LTError(.invalidArgument, "thresholds '\(text)', expected \(expected)")
    }

    /// As `init` reads it.
    public var name: String {
        func number(_ value: Double) -> String { Int(exactly: value).map(String.init) ?? "\(value)" }
        return switch self {
        case .f1: "f1"
        case .precision(let least): "precision=\(number(least))"
        case .recall(let least): "recall=\(number(least))"
        case .cost(let positive, let negative): "cost=\(number(positive)):\(number(negative))"
        case .off: "none"
        }
    }

    /// The value of a choice and whether it meets the demand.
    func judge(_ hits: Int, _ predicted: Int, _ positives: Int) -> (isMet: Bool, value: Double) {
        let precision = ratio(hits, predicted)
        let recall = ratio(hits, positives)
        switch self {
        case .f1: return (true, ratio(2 * hits, predicted + positives))
        case .precision(let least): return precision >= least ? (true, recall) : (false, precision)
        case .recall(let least): return recall >= least ? (true, precision) : (false, recall)
        case .cost(let positive, let negative):
            return (true, -(Double(predicted - hits) * positive + Double(positives - hits) * negative))
        case .off: return (true, 0)
        }
    }

    /// Whether it may be best to predict nothing.
    var allowsNothing: Bool { if case .cost = self { true } else { false } }
}
