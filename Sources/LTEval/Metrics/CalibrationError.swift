// Calibration errors (Naeini et al. 2015, Guo et al. 2017, Nguyen & O'Connor 2015) of confidences c and hits h:
// ECE = Σ_m n_m/N · |mean h − mean c| over bins m with (m−1)/M < c ≤ m/M (0 goes to the first), MCE the greatest gap,
// adaptive ECE the same sum over M nearly equal chunks of the pairs sorted by c (stable; the first N mod M are one larger).
// Multi-class: c = greatest softmax, h = right. Class-wise: c = p_k, h = (y = k), mean over classes k.
// Multi-label: every (image, class) pair is one binary event, c = p, h = label.

/// Counts and sums per bin of confidence, from which the errors follow.
public struct CalibrationBins: Sendable {
    /// One bin: pairs, hits and the sum of confidences.
    public struct Bin: Sendable {
        public var count = 0
        public var hits = 0
        public var confidence = 0.0

        /// |accuracy − mean confidence|.
        public var gap: Double { abs(Double(hits) / Double(count) - confidence / Double(count)) }

        @inline(__always)
        mutating func add(_ confidence: Double, _ hit: Bool) {
            count &+= 1
            hits &+= hit ? 1 : 0
            self.confidence += confidence
        }

        static func += (sum: inout Bin, other: Bin) {
            sum.count += other.count
            sum.hits += other.hits
            sum.confidence += other.confidence
        }
    }

    public private(set) var bins: [Bin]

    /// Bins of equal width over 0…1, empty.
    public init(equalWidth count: Int = 15) { bins = [Bin](repeating: Bin(), count: count) }

    /// Adds a pair to the bin with (m−1)/M < confidence ≤ m/M.
    public mutating func add(_ confidence: Double, _ hit: Bool) {
        BinBorders(bins.count).withLookup { bins[$0(confidence)].add(confidence, hit) }
    }

    /// Adds the pairs of other bins of the same number.
    static func += (sum: inout CalibrationBins, other: CalibrationBins) {
        for index in sum.bins.indices { sum.bins[index] += other.bins[index] }
    }

    init(_ bins: [Bin]) { self.bins = bins }

    /// Expected calibration error; `nil` without any pair.
    public var ece: Double? {
        let total = bins.reduce(0) { $0 + $1.count }
        guard total > 0 else { return nil }
        return bins.reduce(0) { $1.count == 0 ? $0 : $0 + Double($1.count) / Double(total) * $1.gap }
    }

    /// Maximum calibration error; `nil` without any pair.
    public var mce: Double? { bins.filter { $0.count > 0 }.map(\.gap).max() }
}

/// Finds the bin of a confidence among bins of equal width.
struct BinBorders: Sendable {
    /// m / M for m = 0 … M.
    private let borders: [Double]

    init(_ count: Int) { borders = (0...count).map { Double($0) / Double(count) } }

    /// Calls `body` with the function that gives the position of the bin with (m−1)/M < confidence ≤ m/M.
    @inline(__always)
    func withLookup(_ body: ((Double) -> Int) -> Void) {
        borders.withUnsafeBufferPointer { borders in
            let last = borders.count &- 2
            body { confidence in
                // The product is rounded; the border m/M decides.
                var bin = Int(min(max(confidence, 0), 1) * Double(last &+ 1))
                if bin > last { bin = last }
                while bin > 0, confidence <= borders[bin] { bin &-= 1 }
                while bin < last, confidence > borders[bin &+ 1] { bin &+= 1 }
                return bin
            }
        }
    }
}

/// Confidences and whether each was right.
public struct Confidences: Sendable {
    /// 0…1.
    public var confidence: [Double]
    public var hits: [Bool]

    public init(confidence: [Double], hits: [Bool]) {
        precondition(confidence.count == hits.count)
        self.confidence = confidence
        self.hits = hits
    }

    /// The pairs in bins of equal width.
    public func binned(_ count: Int = 15) -> CalibrationBins {
        var bins = [CalibrationBins.Bin](repeating: CalibrationBins.Bin(), count: count)
        BinBorders(count).withLookup { bin in
            for (value, hit) in zip(confidence, hits) { bins[bin(value)].add(value, hit) }
        }
        return CalibrationBins(bins)
    }

    /// Expected calibration error; `nil` without any pair.
    public func ece(bins: Int = 15) -> Double? { binned(bins).ece }

    /// Maximum calibration error.
    public func mce(bins: Int = 15) -> Double? { binned(bins).mce }

    /// Expected calibration error over chunks of equal size.
    public func adaptiveECE(bins: Int = 15) -> Double? {
        let order = confidence.indices.sorted { (confidence[$0], $0) < (confidence[$1], $1) }
        var chunks: [CalibrationBins.Bin] = []
        var start = 0
        for chunk in 0..<bins {
            let size = order.count / bins + (chunk < order.count % bins ? 1 : 0)
            var bin = CalibrationBins.Bin()
            for position in order[start..<start + size] { bin.add(confidence[position], hits[position]) }
            chunks.append(bin)
            start += size
        }
        return CalibrationBins(chunks).ece
    }
}

extension MultilabelPredictions {
    /// All pairs, the scores taken as probabilities.
    public var confidences: Confidences { Confidences(confidence: scores.map { Double($0) }, hits: labels) }

    /// The pairs of one class.
    public func confidences(ofClass index: Int) -> Confidences {
        Confidences(confidence: scores(ofClass: index).map { Double($0) }, hits: labels(ofClass: index))
    }
}

extension Metric<MultilabelCalibration> {
    public static let pooledECE = Metric("ECE", "ECE, 15 bins, all pairs") { $0.pooledBins?.ece }
    public static let pooledMCE = Metric("MCE", "MCE") { $0.pooledBins?.mce }
    public static let classwiseECE = Metric("ECE_classwise", "ECE, mean over classes") {
        mean($0.classes.map(\.bins.ece))
    }
}

extension Metric<MulticlassSummary> {
    public static let multiclassECE = Metric("ECE", "ECE, 15 bins") { $0.confidences.ece() }
    public static let multiclassMCE = Metric("MCE", "MCE") { $0.confidences.mce() }
    public static let multiclassAdaptiveECE = Metric("ECE_adaptive", "ECE, adaptive bins") {
        $0.confidences.adaptiveECE()
    }
    public static let multiclassClasswiseECE = Metric("ECE_classwise", "ECE, mean over classes") {
        mean($0.classBins.map(\.ece))
    }
}

extension MulticlassSummary {
    /// The calibration error of the images decided for one of these classes; `nil` without any.
    public func ece(ofPredicted classes: [Int], bins: Int = 15) -> Double? {
        let wanted = Set(classes)
        var own = CalibrationBins(equalWidth: bins)
        for (row, predicted) in predictions.enumerated() where wanted.contains(predicted) {
            own.add(confidences.confidence[row], confidences.hits[row])
        }
        return own.ece
    }
}
