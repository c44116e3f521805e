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
        if let thresholds {
            for (index, value) in thresholds.values.enumerated() {
                guard let value else { continue }
                guard value.isFinite else { throw Self.invalid(.thresholds, "of class \(index) is not finite") }
            }
        }
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
        }
        switch calibration?.method {
        case .temperature(let values)? where values.count != 1:
            sizes.append((.calibration, " temperature", values.count))
        case .platt(let a, let b)?:
            sizes.append((.calibration, " a", a.count))
            sizes.append((.calibration, " b", b.count))
        default: break
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
        switch calibration.method {
        case .temperature(let values):
            guard values.allSatisfy({ $0.isFinite && $0 > 0 }) else {
                throw Self.invalid(.calibration, "has a temperature that is not a positive number")
            }
            guard activation != .softmax || values.count == 1 else {
                throw Self.invalid(.calibration, "has \(values.count) temperatures, softmax takes one")
            }
        case .platt(let a, let b):
            guard a.allSatisfy(\.isFinite), b.allSatisfy(\.isFinite) else {
                throw Self.invalid(.calibration, "has a parameter that is not finite")
            }
            guard activation != .softmax else { throw Self.invalid(.calibration, "platt needs lt.activation sigmoid") }
        }
    }

    private static func invalid(_ key: Key, _ text: String) -> LTError {
        LTError(.invalidArgument, "\(key.rawValue) \(text)")
    }
}
