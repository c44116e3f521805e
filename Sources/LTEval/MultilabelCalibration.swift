// MultilabelCalibration: what the calibration metrics need of scores in 0…1, every (image, class) pair a binary event:
// bins of confidence and sums of proper scores per class. Groups and total pool their classes.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How scores of a group of classes, taken as probabilities, compare with what happened.
public struct MultilabelCalibration: Sendable {
    /// One class over the images.
    public struct Class: Sendable {
        public internal(set) var bins: CalibrationBins
        /// Sum over images of −log p of what happened.
        public internal(set) var nll = 0.0
        /// Sum over images of (p − y)².
        public internal(set) var brier = 0.0
    }

    public internal(set) var rowCount: Int
    /// In the order of the group.
    public internal(set) var classes: [Class]

    /// All pairs in one set of bins; `nil` for a group without classes.
    public var pooledBins: CalibrationBins? {
        guard var bins = classes.first?.bins else { return nil }
        for other in classes.dropFirst() { bins += other.bins }
        return bins
    }

    /// A sum over classes per pair; `nil` for a group without classes.
    func meanOverPairs(_ value: (Class) -> Double) -> Double? {
        classes.isEmpty ? nil : classes.reduce(0) { $0 + value($1) } / Double(classes.count * rowCount)
    }
}

/// Adds scores up row by row.
struct CalibrationSums: Sendable {
    private var rowCount = 0
    private let binCount: Int
    /// Bins of all classes, one class after the other.
    private var bins: [CalibrationBins.Bin]
    private var nll: [Double]
    private var brier: [Double]
    /// Product of the probabilities of what happened, per class, whose logarithm is still to be added: one logarithm
    /// takes the place of several. Six float32 numbers above 0 cannot underflow a double.
    private var product: [Double]
    private static let most = 6
    private let borders: BinBorders

    init(classCount: Int, bins binCount: Int = 15) {
        self.binCount = binCount
        bins = [CalibrationBins.Bin](repeating: CalibrationBins.Bin(), count: classCount * binCount)
        nll = [Double](repeating: 0, count: classCount)
        brier = nll
        product = [Double](repeating: 1, count: classCount)
        borders = BinBorders(binCount)
    }

    /// Adds a row of scores in 0…1.
    mutating func add(_ scores: UnsafePointer<Float>, _ labels: UnsafePointer<UInt8>) {
        rowCount += 1
        let width = nll.count
        let least = Double(Float.leastNonzeroMagnitude)
        bins.withUnsafeMutableBufferPointer { bins in
            brier.withUnsafeMutableBufferPointer { brier in
                product.withUnsafeMutableBufferPointer { product in
                    borders.withLookup { bin in
                        for column in 0..<width {
                            let p = Double(scores[column])
                            let label = labels[column] != 0
                            bins[column &* binCount &+ bin(p)].add(p, label)
                            let q = 1 - p
                            let difference = label ? q : p
                            brier[column] += difference * difference
                            product[column] *= max(label ? p : q, least)
                        }
                    }
                }
            }
        }
        if rowCount % Self.most == 0 { flush() }
    }

    private mutating func flush() {
        for column in nll.indices {
            nll[column] -= log(product[column])
            product[column] = 1
        }
    }

    static func += (sum: inout CalibrationSums, other: CalibrationSums) {
        var other = other
        sum.flush()
        other.flush()
        sum.rowCount += other.rowCount
        for index in sum.bins.indices { sum.bins[index] += other.bins[index] }
        for column in sum.nll.indices {
            sum.nll[column] += other.nll[column]
            sum.brier[column] += other.brier[column]
        }
    }

    /// The calibration of each group, then of all classes.
    func calibrations(_ groups: [[Int]]) -> [MultilabelCalibration] {
        var whole = self
        whole.flush()
        let classes = nll.indices.map { column in
            MultilabelCalibration.Class(
                bins: CalibrationBins(Array(bins[column * binCount..<(column + 1) * binCount])),
                nll: whole.nll[column], brier: whole.brier[column])
        }
        return groups.map { own in MultilabelCalibration(rowCount: rowCount, classes: own.map { classes[$0] }) }
            + [MultilabelCalibration(rowCount: rowCount, classes: classes)]
    }
}

extension MultilabelPredictions {
    /// How the scores, taken as probabilities, compare with what happened.
    public func calibration(bins: Int = 15) -> MultilabelCalibration {
        sumOverRows(CalibrationSums(classCount: classCount, bins: bins), +=) { $0.add($2, $3) }.calibrations([])[0]
    }
}
