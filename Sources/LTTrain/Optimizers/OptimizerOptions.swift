// OptimizerOptions: a recipe's `optimizer` section: the update rule, learning rate, decay, clipping, parameter groups.

import LTCore

/// What every rule has.
public struct OptimizerOptions: Sendable {
    /// Parameters that are treated in their own way.
    public struct Group: Sendable {
        /// Shell patterns of names.
        public var match: [String]
        /// Factor of the learning rate.
        public var rateFactor: Double?
        public var weightDecay: Double?
        public init(match: [String], rateFactor: Double? = nil, weightDecay: Double? = nil) {
            self.match = match
            self.rateFactor = rateFactor
            self.weightDecay = weightDecay
        }
        func contains(_ name: String) -> Bool { match.contains { matches(name, pattern: $0) } }
    }

    public var rule: any UpdateRule
    public var learningRate = 0.1
    public var weightDecay = 0.0
    /// Decay only parameters of two or more dimensions (not biases, nor scale and shift of normalisations).
    public var decaysWeightsOnly = false
    /// Patterns of parameters that are not decayed.
    public var undecayed: [String] = []
    /// A parameter takes each value from the first group that matches it and has one.
    public var groups: [Group] = []
    /// Greatest L2 norm of the whole gradient; nil does not clip.
    public var clipNorm: Double?
    /// Greatest absolute value of a gradient's element, before `clipNorm`; nil does not clip.
    public var clipValue: Double?
    /// Steps of the whole run whose loss or gradient may be no number: they change nothing. One more is an error.
    public var skippable = 0

    public init(_ rule: any UpdateRule) { self.rule = rule }

    enum Decayed: String, CaseIterable { case all, weights }
    /// Keys: `name`, `lr`, `weight_decay`, `decay`, `no_decay`, `groups`, `clip_norm`, `clip_value`, `skip_nan`, and the
    /// rule's.
    init(_ section: RecipeSection) throws(LTError) {
        rule = try section.named(UpdateRuleTable.all.map { ($0.name, $0) }).init(section)
        learningRate = try section.required("lr", section.double("lr", in: 0...1000))
        weightDecay = try section.double("weight_decay", in: 0...10) ?? 0
        decaysWeightsOnly = try section.choice("decay", Decayed.self) == .weights
        undecayed = try section.strings("no_decay") ?? []
        for part in try section.sections("groups") ?? [] {
            groups.append(
                Group(
                    match: try part.required("match", part.strings("match")),
                    rateFactor: try part.double("lr", in: 0...1e6),
                    weightDecay: try part.double("weight_decay", in: 0...10)))
            try part.finish()
        }
        clipNorm = try section.double("clip_norm", in: 1e-6...1e9)
        clipValue = try section.double("clip_value", in: 1e-12...1e9)
        skippable = try section.int("skip_nan", in: 0...1_000_000) ?? 0
        try section.finish()
    }

    /// Factor of the learning rate and decay of a parameter.
    func values(_ name: String, rank: Int) -> (rateFactor: Double, weightDecay: Double) {
        let own = groups.filter { $0.contains(name) }
        let isDecayed =
            !(decaysWeightsOnly && rank < 2) && !undecayed.contains { matches(name, pattern: $0) }
        return (
            own.lazy.compactMap(\.rateFactor).first ?? 1,
            own.lazy.compactMap(\.weightDecay).first ?? (isDecayed ? weightDecay : 0)
        )
    }

    /// - Throws: `notFound` for a pattern that matches none of the names.
    func requireMatches(_ names: some Sequence<String>) throws(LTError) {
        for (key, patterns) in [("no_decay", undecayed)] + groups.map({ ("groups", $0.match) }) {
            for pattern in patterns where !names.contains(where: { matches($0, pattern: pattern) }) {
                throw LTError(.notFound, "optimizer.\(key): '\(pattern)' matches no trained parameter")
            }
        }
    }
}
