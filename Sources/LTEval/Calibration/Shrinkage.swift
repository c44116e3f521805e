// Shrinkage: what a class of few positives cannot say, its frequency group says, and what the group cannot, all classes.
// own ← w·own + (1 − w)·group, group ← the same towards all, w = n / (n + n₀), n = positives (or negatives, where they are
// fewer). That is the best linear estimate when the variance of a fit goes as 1/n and classes differ by as much as a fit on
// n₀ positives does (Efron & Morris 1975; credibility of Bühlmann 1967). n₀ = 0 leaves every class to itself.
// Only shapes are shared (temperatures, slopes, curves, thresholds): offsets carry a class's own rate, and its negatives say
// that well however few positives there are.

import LTCore

/// How classes of few positives lean on others.
public struct Shrinkage: Sendable {
    /// n₀ where nobody says otherwise.
    public static let defaultPositives = 20.0

    /// n₀: positives that weigh as much as what the group says.
    public var positives: Double
    /// The classes of each frequency group; classes in none lean on all.
    public var groups: [[Int]]

    public init(positives: Double = Self.defaultPositives, groups: [[Int]] = []) {
        self.positives = positives
        self.groups = groups
    }

    /// w of a class with these events.
    public func weight(of events: BinaryEvents) -> Double {
        let hits = events.hitCount
        let n = Double(min(hits + events.missed, events.count - hits))
        return n == 0 ? 0 : n / (n + positives)
    }

    /// A fit per class.
    /// - Parameters:
    ///   - own: what the events alone say; `nil` where they cannot (no positives, an order that is the wrong way round).
    ///   - blend: the mixture of a class's own with its group's, of weights w and 1 − w.
    /// - Returns: `nil` only where neither the class nor its group nor all classes say anything.
    func fitted<Fit: Sendable>(
        _ events: [BinaryEvents], own: @Sendable (BinaryEvents) -> Fit?, blend: (Fit, Fit, Double) -> Fit
    ) -> [Fit?] {
        func mixed(_ events: BinaryEvents, _ fit: Fit?, towards prior: Fit?) -> Fit? {
            guard let fit else { return prior }
            guard let prior, positives > 0 else { return fit }
            return blend(fit, prior, weight(of: events))
        }
        let fits = parallelMap(events.count) { own(events[$0]) }
        guard positives > 0 else { return fits }
        let pooled = BinaryEvents(pooling: events)
        let all = own(pooled)
        var priors = [Fit?](repeating: all, count: events.count)
        for group in groups where group.count < events.count {
            let pooled = BinaryEvents(pooling: group.map { events[$0] })
            let fit = mixed(pooled, own(pooled), towards: all)
            for index in group { priors[index] = fit }
        }
        return events.indices.map { mixed(events[$0], fits[$0], towards: priors[$0]) }
    }
}
