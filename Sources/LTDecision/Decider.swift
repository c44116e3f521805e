// Decider: raw outputs → calibrated scores → decisions, the one path for command line, C host and server.
// Numbers: inputs, parameters and scores are float32, calibration is as in Calibration+Scores.swift; exponentials and the
// softmax sum are float64, rounded to float32 once at the end.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What was decided about one class of one image.
public struct ClassDecision: Sendable, Equatable {
    /// The output column, a position in the labels.
    public var index: Int
    /// The model's raw output.
    public var raw: Float
    /// The calibrated score, 0…1 under sigmoid and softmax.
    public var score: Float
    /// Whether the class is decided to be there.
    public var isPositive: Bool
}

/// A decision layer made ready for a model with one score per class.
///
/// Multi-label: a class is positive when its calibrated score reaches its threshold (0.5 where it has none).
/// Multi-class: the class with the highest score (the first of equals) is positive, if it reaches its threshold, when
/// thresholds are given at all. A NaN score is never positive.
public struct Decider: Sendable {
    public let classCount: Int
    public let task: DecisionLayer.Task
    public let activation: DecisionLayer.Activation
    private let calibration: Calibration.Method?
    private let thresholds: [Float]?

    /// - Parameter classCount: columns of the model's output.
    /// - Throws: `invalidArgument` when the layer does not say task or activation, `unsupported` for a task without class
    ///   scores, `shapeMismatch` when the layer has another number of classes.
    public init(_ layer: DecisionLayer, classCount: Int) throws(LTError) {
        try layer.validate()
        guard let task = layer.task else {
            throw LTError(.invalidArgument, "the model does not say its task (lt.task)", hint: "give --task")
        }
        guard task == .multilabel || task == .multiclass || task == .clip else {
            throw LTError(.unsupported, "task \(task.rawValue) has no score per class")
        }
        guard let activation = layer.activation else {
            throw LTError(
                .invalidArgument, "the model does not say its activation (lt.activation)", hint: "give --activation")
        }
        if let own = layer.classCount, own != classCount {
            throw LTError(
                .shapeMismatch, "the decision layer has \(own) classes, the scores have \(classCount) columns")
        }
        let calibration = layer.calibration?.method.expanded(to: classCount)
        if let calibration, calibration.count != classCount {
            throw LTError(
                .shapeMismatch,
                "lt.calibration has \(calibration.count) classes, the scores have \(classCount) columns")
        }
        self.classCount = classCount
        self.task = task
        self.activation = activation
        self.calibration = calibration
        thresholds = layer.thresholds?.values.map { $0 ?? Thresholds.fallback }
    }

    /// Writes the calibrated scores of rows of raw outputs.
    /// - Parameters:
    ///   - raw: whole rows of `classCount` values.
    ///   - scores: as many; may be the same memory.
    public func scores(_ raw: UnsafeBufferPointer<Float>, into scores: UnsafeMutableBufferPointer<Float>) {
        precondition(raw.count == scores.count && raw.count % max(classCount, 1) == 0)
        for start in stride(from: 0, to: raw.count, by: max(classCount, 1)) {
            let row = UnsafeMutableBufferPointer(rebasing: scores[start..<start + classCount])
            if let calibration, isOneAgainstRest {
                for index in 0..<classCount { row[index] = raw[start + index] }
                Self.softmax(row)
                Self.oneAgainstRest(row, calibration)
                continue
            }
            if let calibration {
                for index in 0..<classCount { row[index] = calibration.map(raw[start + index], index) }
                if calibration.givesScores { continue }
            } else {
                for index in 0..<classCount { row[index] = raw[start + index] }
            }
            switch activation {
            case .none: break
            case .sigmoid: for index in row.indices { row[index] = Self.sigmoid(row[index]) }
            case .softmax: Self.softmax(row)
            }
        }
    }

    /// Whether classes are calibrated one against the rest: per-class maps under softmax, but for the one temperature.
    private var isOneAgainstRest: Bool {
        guard activation == .softmax, let calibration else { return false }
        if case .temperature = calibration { return false }
        return calibration.isPerClass
    }

    /// Softmax → log-odds of each class → its map → divided by their sum. A row whose scores are all 0 keeps the softmax.
    private static func oneAgainstRest(_ row: UnsafeMutableBufferPointer<Float>, _ calibration: Calibration.Method) {
        var mapped = [Float](repeating: 0, count: row.count)
        var sum = 0.0
        for index in row.indices {
            mapped[index] = calibration.score(Calibration.Method.logOdds(row[index]), ofClass: index)
            sum += Double(mapped[index])
        }
        if sum == 0 { return }
        for index in row.indices { row[index] = Float(Double(mapped[index]) / sum) }
    }

    /// Multi-class: logits whose softmax is the calibrated scores; where no affine map gives them, ln of the scores (0 counts
    /// as 2⁻¹⁴⁹).
    /// - Throws: `shapeMismatch` when the values are not whole rows.
    public func logits(_ raw: [Float]) throws(LTError) -> [Float] {
        guard let calibration else { return raw }
        if isOneAgainstRest {
            return try scores(raw).map { Float(log(max(Double($0), Double(Float.leastNonzeroMagnitude)))) }
        }
        return raw.indices.map { calibration.map(raw[$0], $0 % max(classCount, 1)) }
    }

    /// The calibrated scores of rows of raw outputs.
    /// - Throws: `shapeMismatch` when the values are not whole rows.
    public func scores(_ raw: [Float]) throws(LTError) -> [Float] {
        guard classCount > 0, raw.count.isMultiple(of: classCount) else {
            throw LTError(.shapeMismatch, "\(raw.count) scores are not whole rows of \(classCount) classes")
        }
        var result = raw
        raw.withUnsafeBufferPointer { raw in result.withUnsafeMutableBufferPointer { scores(raw, into: $0) } }
        return result
    }

    /// Decides about one row of calibrated scores: for each class whether it is there.
    public func positives<Scores: RandomAccessCollection<Float>>(_ scores: Scores) -> [Bool] {
        precondition(scores.count == classCount)
        if task == .multilabel {
            return scores.enumerated().map { $0.element >= (thresholds?[$0.offset] ?? Thresholds.fallback) }
        }
        var positives = [Bool](repeating: false, count: classCount)
        var best: (index: Int, score: Float)?
        for (index, score) in scores.enumerated() where !score.isNaN && (best == nil || score > best!.score) {
            best = (index, score)
        }
        if let best { positives[best.index] = thresholds.map { best.score >= $0[best.index] } ?? true }
        return positives
    }

    /// Decides about one image.
    /// - Parameter raw: the model's raw output, one value per class.
    /// - Throws: `shapeMismatch` when their number is not the class count.
    public func decide(_ raw: [Float]) throws(LTError) -> [ClassDecision] {
        guard raw.count == classCount else {
            throw LTError(.shapeMismatch, "\(raw.count) raw scores, expected \(classCount)")
        }
        let scores = try scores(raw)
        let positives = positives(scores)
        return raw.indices.map {
            ClassDecision(index: $0, raw: raw[$0], score: scores[$0], isPositive: positives[$0])
        }
    }

    /// 1 / (1 + exp(-x)).
    public static func sigmoid(_ x: Float) -> Float { Float(1 / (1 + exp(-Double(x)))) }

    /// exp(x - max) / sum, in place.
    static func softmax(_ row: UnsafeMutableBufferPointer<Float>) {
        guard let highest = row.max() else { return }
        var sum = 0.0
        for x in row { sum += exp(Double(x) - Double(highest)) }
        for index in row.indices { row[index] = Float(exp(Double(row[index]) - Double(highest)) / sum) }
    }
}
