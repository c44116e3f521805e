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

        mutating func add(_ confidence: Double, _ hit: Bool) {
            count += 1
            if hit { hits += 1 }
            self.confidence += confidence
        }
    }

    public private(set) var bins: [Bin]

    /// Bins of equal width over 0…1, empty.
    public init(equalWidth count: Int = 15) { bins = [Bin](repeating: Bin(), count: count) }

    /// Adds a pair to the bin with (m−1)/M < confidence ≤ m/M.
    public mutating func add(_ confidence: Double, _ hit: Bool) {
        let count = bins.count
        var bin = min(max(Int((min(max(confidence, 0), 1) * Double(count)).rounded(.up)), 1), count)
        // The product is rounded; the border m/M decides.
        while bin > 1, confidence <= Double(bin - 1) / Double(count) { bin -= 1 }
        while bin < count, confidence > Double(bin) / Double(count) { bin += 1 }
        bins[bin - 1].add(confidence, hit)
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
        var bins = CalibrationBins(equalWidth: count)
        for (value, hit) in zip(confidence, hits) { bins.add(value, hit) }
        return bins
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

extension Metric<MultilabelPredictions> {
    public static let pooledECE = Metric("ECE", "ECE, 15 bins, all pairs") { $0.confidences.ece() }
    public static let pooledMCE = Metric("MCE", "MCE") { $0.confidences.mce() }
    public static let classwiseECE = Metric("ECE_classwise", "ECE, mean over classes") { input in
        mean((0..<input.classCount).map { input.confidences(ofClass: $0).ece() })
    }
}

extension Metric<MulticlassPredictions> {
    public static let multiclassECE = Metric("ECE", "ECE, 15 bins") { $0.confidences.ece() }
    public static let multiclassMCE = Metric("MCE", "MCE") { $0.confidences.mce() }
    public static let multiclassAdaptiveECE = Metric("ECE_adaptive", "ECE, adaptive bins") {
        $0.confidences.adaptiveECE()
    }
    public static let multiclassClasswiseECE = Metric("ECE_classwise", "ECE, mean over classes") { mean($0.classECE()) }
}

extension MulticlassPredictions {
    /// The calibration error of p_c as a prediction of class c, for each class.
    public func classECE(bins: Int = 15) -> [Double?] {
        var classes = [CalibrationBins](repeating: CalibrationBins(equalWidth: bins), count: classCount)
        for row in 0..<rowCount {
            for (index, p) in probabilities(ofRow: row).enumerated() { classes[index].add(p, labels[row] == index) }
        }
        return classes.map(\.ece)
    }
}
