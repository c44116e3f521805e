// The parts of a decision layer must agree: sizes with each other and with the model's output, values with their ranges.

import LTCore
import LTGraph

extension DecisionLayer {
    /// The number of classes that the layer itself implies; `nil` when no part says.
    public var classCount: Int? {
        labels?.count ?? trainCounts?.count ?? thresholds?.values.count
    }

    /// Checks the parts against each other.
    /// - Throws: `shapeMismatch` or `invalidArgument` naming the key.
    public func validate() throws(LTError) {
        try validateSizes()
        try within("metadata key \(Key.preprocess.rawValue)") { () throws(LTError) in try preprocess?.validate() }
        try clip?.validate()
        if let labels {
            guard !labels.isEmpty else { throw Self.invalid(.labels, "lists no class") }
            var seen: Set<Int> = []
            for label in labels where !seen.insert(label.id).inserted {
                throw Self.invalid(.labels, "has id \(label.id) twice")
            }
        }
        if let trainCounts {
            for (index, count) in trainCounts.enumerated() where count < 0 {
                throw Self.invalid(.trainCounts, "is \(count) for class \(index), expected at least 0")
            }
        }
        if let groups {
            guard !groups.groups.isEmpty else { throw Self.invalid(.groups, "lists no group") }
            guard Set(groups.groups.map(\.name)).count == groups.groups.count else {
                throw Self.invalid(.groups, "names a group twice")
            }
        }
        try validateCalibration()
        try validateThresholds()
        try postprocess?.validate()
        if let selfTest, !(selfTest.tolerance >= 0 && selfTest.tolerance.isFinite) {
            throw Self.invalid(.selfTest, "tolerance is \(selfTest.tolerance), expected a number of at least 0")
        }
    }

    /// Checks the class count against the width of the graph's first output, where the task is one score per class.
    /// - Throws: `shapeMismatch` naming the key and the output.
    func validate(against graph: Graph) throws(LTError) {
        guard task == .multiclass || task == .multilabel || task == .clip, let classCount,
            let output = graph.outputs.first, case .tensor(_, let dims?)? = output.type, let width = dims.last?.fixed,
            width != classCount
        else { return }
        let key = labels != nil ? Key.labels : trainCounts != nil ? .trainCounts : .thresholds
        throw LTError(
            .shapeMismatch, "\(key.rawValue) has \(classCount) classes, output '\(output.name)' has \(width) columns")
    }

    private func validateSizes() throws(LTError) {
        var sizes: [(Key, String, Int)] = []
        if let labels { sizes.append((.labels, "", labels.count)) }
        if let trainCounts { sizes.append((.trainCounts, "", trainCounts.count)) }
        if let thresholds {
            sizes.append((.thresholds, " values", thresholds.values.count))
            if let positives = thresholds.positives { sizes.append((.thresholds, " positives", positives.count)) }
            if let intervals = thresholds.intervals { sizes.append((.thresholds, " intervals", intervals.count)) }
        }
        let parameters = calibration?.method.sizes ?? []
        if parameters.contains(where: { $0.count != 1 }) {
            for parameter in parameters { sizes.append((.calibration, " " + parameter.key, parameter.count)) }
        }
        guard let first = sizes.first else { return }
        for size in sizes where size.2 != first.2 {
            throw LTError(
                .shapeMismatch,
                "\(size.0.rawValue)\(size.1) has \(size.2) entries, \(first.0.rawValue)\(first.1) has \(first.2)")
        }
    }

    private func validateCalibration() throws(LTError) {
        guard let calibration else { return }
        // A detector's calibration works on the log-odds of its scores, whatever made them.
        let activation = task?.isDetection == true ? .sigmoid : activation
        guard activation != Activation.none else {
            throw Self.invalid(.calibration, "needs raw outputs, but lt.activation is none")
        }
        func finite(_ lists: [Float]...) throws(LTError) {
            guard lists.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
                throw Self.invalid(.calibration, "has a parameter that is not finite")
            }
        }
        switch calibration.method {
        case .temperature(let values):
            guard values.allSatisfy({ $0.isFinite && $0 > 0 }) else {
                throw Self.invalid(.calibration, "has a temperature that is not a positive number")
            }
            guard activation != .softmax || values.count == 1 else {
                throw Self.invalid(.calibration, "has \(values.count) temperatures, softmax takes one")
            }
        case .vector(let w, let b):
            try finite(w, b)
            guard activation == .softmax || activation == nil else {
                throw Self.invalid(.calibration, "vector needs lt.activation softmax")
            }
        case .platt(let a, let b): try finite(a, b)
        case .beta(let a, let b, let c):
            try finite(a, b, c)
            guard a.allSatisfy({ $0 >= 0 }), b.allSatisfy({ $0 >= 0 }) else {
                throw Self.invalid(.calibration, "beta has an a or b below 0")
            }
        case .isotonic(let x, let y):
            for (index, knots) in zip(x, y).enumerated() { try Self.validateKnots(knots.0, knots.1, index) }
        }
    }

    private static func validateKnots(_ x: [Float], _ y: [Float], _ index: Int) throws(LTError) {
        let place = "isotonic knots of class \(index)"
        guard x.count == y.count, !x.isEmpty else {
            throw invalid(.calibration, "\(place): \(x.count) x and \(y.count) y, expected as many and at least one")
        }
        guard x.allSatisfy(\.isFinite), y.allSatisfy({ $0 >= 0 && $0 <= 1 }) else {
            throw invalid(.calibration, "\(place): expected finite x and y in 0 … 1")
        }
        for knot in x.indices.dropFirst() {
            guard x[knot] > x[knot - 1], y[knot] >= y[knot - 1] else {
                throw invalid(.calibration, "\(place): knot \(knot) is below knot \(knot - 1), expected x to ascend")
            }
        }
    }

    private func validateThresholds() throws(LTError) {
        guard let thresholds else { return }
        for (index, value) in thresholds.values.enumerated() {
            guard let value else { continue }
            guard value.isFinite else { throw Self.invalid(.thresholds, "of class \(index) is not finite") }
        }
        for (index, interval) in (thresholds.intervals ?? []).enumerated() {
            guard let interval else { continue }
            guard interval.count == 2, interval[0] <= interval[1] else {
                throw Self.invalid(
                    .thresholds, "interval of class \(index) is \(interval.prefix(3)), expected low, high")
            }
        }
        if let bad = thresholds.unmet?.first(where: { !thresholds.values.indices.contains($0) }) {
            throw Self.invalid(.thresholds, "unmet names class \(bad), there are \(thresholds.values.count)")
        }
    }

    private static func invalid(_ key: Key, _ text: String) -> LTError {
        LTError(.invalidArgument, "\(key.rawValue) \(text)")
    }
}
