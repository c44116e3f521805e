// Confusion pairs: which wrong class is taken for which true one, most frequent first. Ties: by true class, then by
// predicted class. A multi-class problem with n images has at most n pairs, so no matrix of classes × classes is made.

/// Images of one class that were taken for another.
public struct Confusion: Sendable, Equatable {
    public var actual: Int
    public var predicted: Int
    public var count: Int
}

extension MulticlassSummary {
    /// The wrong (true, predicted) pairs, most frequent first.
    public func confusions(limit: Int = .max) -> [Confusion] {
        let width = classCounts.count
        let codes = labels.indices.compactMap {
            labels[$0] == predictions[$0] ? nil : labels[$0] * width + predictions[$0]
        }
        .sorted()
        var pairs: [Confusion] = []
        for (index, code) in codes.enumerated() {
            if index > 0, codes[index - 1] == code {
                pairs[pairs.count - 1].count += 1
            } else {
                pairs.append(Confusion(actual: code / width, predicted: code % width, count: 1))
            }
        }
        pairs.sort { ($1.count, $0.actual, $0.predicted) < ($0.count, $1.actual, $1.predicted) }
        return Array(pairs.prefix(limit))
    }
}
