// MultilabelSums: all that a multi-label report needs of scores after the activation, added up in one pass over the
// images, so that no array of calibrated scores or of decisions is kept.

import LTCore
import LTDecision

/// Counts and sums over images, as far as a report asks for them.
struct MultilabelSums: Sendable {
    private let plain: Decider
    private let calibrated: Decider?
    /// The logit decides strictly above 0, as in the reference; scores that come activated decide above 0.5.
    private let cut: Float
    private let thresholds: [Float]?
    // One image's scores.
    private var scores: [Float]
    private var calibratedScores: [Float]

    var atHalf: DecisionSums
    var atHalfCalibrated: DecisionSums?
    var atThresholds: DecisionSums?
    var before: CalibrationSums
    var after: CalibrationSums?
    var curves: ThresholdCurveSums?
    /// Pairs without and with label whose scores are furthest off, as cells of the score matrix.
    var alarms: WorstCells?
    var missed: WorstCells?
    /// No raw score lies outside 0…1.
    var lies01 = true

    init(_ layer: DecisionLayer, _ partition: ClassPartition, figures: Bool) throws(LTError) {
        let classCount = partition.groupOf.count
        // Checks the calibration, too.
        let whole = try Decider(layer, classCount: classCount)
        var bare = layer
        bare.calibration = nil
        bare.thresholds = nil
        plain = try Decider(bare, classCount: classCount)
        calibrated = layer.calibration == nil ? nil : whole
        cut = layer.activation == DecisionLayer.Activation.none ? 0.5 : 0
        thresholds = layer.thresholds?.values.map { $0 ?? Thresholds.fallback }
        scores = [Float](repeating: 0, count: classCount)
        calibratedScores = calibrated == nil ? [] : scores
        atHalf = DecisionSums(partition)
        before = CalibrationSums(classCount: classCount)
        if calibrated != nil {
            atHalfCalibrated = atHalf
            after = before
        }
        if thresholds != nil { atThresholds = atHalf }
        if figures {
            curves = ThresholdCurveSums(classCount: classCount)
            alarms = WorstCells()
            missed = WorstCells()
        }
    }

    /// Adds an image.
    mutating func add(row: Int, _ raw: UnsafePointer<Float>, _ labels: UnsafePointer<UInt8>) {
        let width = scores.count
        let all = UnsafeBufferPointer(start: raw, count: width)
        if lies01 { lies01 = all.allSatisfy { $0 >= 0 && $0 <= 1 } }
        scores.withUnsafeMutableBufferPointer { plain.scores(all, into: $0) }
        atHalf.add(labels) { raw[$0] > cut }
        scores.withUnsafeBufferPointer { before.add($0.baseAddress!, labels) }
        if let calibrated {
            calibratedScores.withUnsafeMutableBufferPointer { calibrated.scores(all, into: $0) }
            calibratedScores.withUnsafeBufferPointer { scores in
                after?.add(scores.baseAddress!, labels)
                atHalfCalibrated?.add(labels) { scores[$0] >= 0.5 }
            }
        }
        (calibrated == nil ? scores : calibratedScores).withUnsafeBufferPointer { scores in
            if let thresholds { atThresholds?.add(labels) { scores[$0] >= thresholds[$0] } }
            guard curves != nil else { return }
            curves?.add(scores, labels)
            for column in 0..<width {
                if labels[column] != 0 {
                    missed?.add(-scores[column], row * width + column)
                } else {
                    alarms?.add(scores[column], row * width + column)
                }
            }
        }
    }

    /// The calibrated score of one cell.
    func score(_ cell: Int, of predictions: MultilabelPredictions) -> Float {
        let width = predictions.classCount
        let row = cell / width * width
        var own = Array(predictions.scores[row..<row + width])
        own.withUnsafeMutableBufferPointer { (calibrated ?? plain).scores(UnsafeBufferPointer($0), into: $0) }
        return own[cell - row]
    }

    static func += (sum: inout MultilabelSums, other: MultilabelSums) {
        sum.atHalf += other.atHalf
        sum.before += other.before
        if let own = other.atHalfCalibrated { sum.atHalfCalibrated? += own }
        if let own = other.atThresholds { sum.atThresholds? += own }
        if let own = other.after { sum.after? += own }
        if let own = other.curves { sum.curves? += own }
        if let own = other.alarms { sum.alarms? += own }
        if let own = other.missed { sum.missed? += own }
        sum.lies01 = sum.lies01 && other.lies01
    }
}

extension MultilabelPredictions {
    /// - Throws: what `Decider` throws.
    func sums(_ layer: DecisionLayer, _ columns: Columns, figures: Bool) throws(LTError) -> MultilabelSums {
        let start = try MultilabelSums(
            layer, ClassPartition(columns.groups, classCount: classCount), figures: figures)
        return sumOverRows(start, +=) { $0.add(row: $1, $2, $3) }
    }
}

/// Counts of every class at the thresholds of `Report.ThresholdCurves.grid`.
struct ThresholdCurveSums: Sendable {
    private let thresholds = Report.ThresholdCurves.grid
    /// Of each class: how many scores lie at or above a threshold and below the next, without and with label.
    private var counts: [Int]
    /// The last threshold at or below k / 1024.
    private let start: [Int]

    init(classCount: Int) {
        let thresholds = thresholds
        counts = [Int](repeating: 0, count: 2 * thresholds.count * classCount)
        start = (0...1024).map { k in thresholds.lastIndex { $0 <= Double(k) / 1024 } ?? 0 }
    }

    mutating func add(_ scores: UnsafeBufferPointer<Float>, _ labels: UnsafePointer<UInt8>) {
        for (column, score) in scores.enumerated() {
            let score = Double(score)
            // Below the first threshold nothing is decided.
            guard score >= thresholds[0] else { continue }
            var position = start[Int(min(score, 1) * 1024)]
            while position + 1 < thresholds.count, thresholds[position + 1] <= score { position += 1 }
            counts[2 * (column * thresholds.count + position) + Int(labels[column])] += 1
        }
    }

    static func += (sum: inout ThresholdCurveSums, other: ThresholdCurveSums) {
        for index in sum.counts.indices { sum.counts[index] += other.counts[index] }
    }

    /// - Parameter positives: of each class.
    func curves(_ positives: [Int]) -> [Report.ThresholdCurves.Curve] {
        positives.enumerated().map { column, positives in
            var (predicted, right) = (0, 0)
            var curve = Report.ThresholdCurves.Curve(
                positives: positives, truePositives: thresholds.map { _ in 0 }, predicted: thresholds.map { _ in 0 })
            for position in thresholds.indices.reversed() {
                let cell = 2 * (column * thresholds.count + position)
                predicted += counts[cell] + counts[cell + 1]
                right += counts[cell + 1]
                curve.predicted[position] = predicted
                curve.truePositives[position] = right
            }
            return curve
        }
    }
}

/// The items of greatest badness, in time linear in the items.
struct WorstCells: Sendable {
    /// How many are kept.
    static let limit = 100
    private var kept: [(badness: Float, cell: Int)] = []
    private var bar = -Float.infinity

    /// Equal badness keeps the earlier cell.
    @inline(__always)
    mutating func add(_ badness: Float, _ cell: Int) {
        guard badness > bar else { return }
        kept.append((badness, cell))
        if kept.count >= 8 * Self.limit { cut() }
    }

    private mutating func cut() {
        kept.sort { ($1.badness, $0.cell) < ($0.badness, $1.cell) }
        guard kept.count >= Self.limit else { return }
        kept.removeSubrange(Self.limit...)
        bar = kept[Self.limit - 1].badness
    }

    /// Adds what another one kept of later cells.
    static func += (sum: inout WorstCells, other: WorstCells) {
        sum.kept += other.kept
        sum.cut()
    }

    /// Worst first.
    var cells: [Int] {
        var copy = self
        copy.cut()
        return copy.kept.map(\.cell)
    }
}
