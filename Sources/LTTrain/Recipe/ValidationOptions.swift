// ValidationOptions: a recipe's `validate` section: the splits, how often each is measured, which value chooses the best
// epoch, on which split calibration and thresholds are fitted.

import LTCore

/// What is measured during and after a run.
public struct ValidationOptions {
    public struct Split {
        public var name: String
        public var source: DataSource
        /// Epochs between measurements; 0: at the end only.
        public var every: Int
    }
    public struct Selection: Sendable {
        public enum Mode: String, Sendable, CaseIterable { case max, min }
        /// A split's name; nil: the first that is measured during the run.
        public var split: String?
        /// A metric's name, `METRIC` or `METRIC/GROUP`; nil: mAP of multi-label, accuracy of single-label data.
        public var metric: String?
        /// nil: what the metric means.
        public var mode: Mode?
    }

    /// In the recipe's order.
    public var splits: [Split] = []
    /// nil: the last weights are exported.
    public var selection: Selection?
    /// The split on which calibration and thresholds are fitted for the final reports.
    public var calibrateOn: String?

    public init() {}

    /// Keys: `every`, `select` {on, metric, mode}, `calibrate_on`; every other key is a split.
    init(_ section: RecipeSection?) throws(LTError) {
        guard let section else { return }
        let every = try section.int("every", in: 0...1_000_000) ?? 1
        calibrateOn = try section.string("calibrate_on")
        if let part = try section.section("select") {
            selection = Selection(
                split: try part.string("on"), metric: try part.string("metric"),
                mode: try part.choice("mode", Selection.Mode.self))
            try part.finish()
        }
        for name in section.keys where !["every", "select", "calibrate_on"].contains(name) {
            guard let part = try section.section(name) else { continue }
            let own = try part.int("every", in: 0...1_000_000) ?? every
            splits.append(Split(name: name, source: try DataSource(part), every: own))
        }
        try section.finish()
        for (key, name) in [("calibrate_on", calibrateOn), ("select.on", selection?.split)] {
            guard let name, !splits.contains(where: { $0.name == name }) else { continue }
            throw section.error(
                String(key.prefix { $0 != "." }),
                "there is no split '\(name)', expected one of \(splits.map(\.name).joined(separator: ", "))")
        }
        if selection != nil, watched == nil {
            throw section.error("select", "no split to choose by is measured during the run (`every` is 0)")
        }
    }

    /// The split that chooses the best epoch, and from which losses learn that adapt to validations.
    public var watched: Split? {
        if let name = selection?.split { return splits.first { $0.name == name && $0.every > 0 } }
        return splits.first { $0.every > 0 }
    }
}
