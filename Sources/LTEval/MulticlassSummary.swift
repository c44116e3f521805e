// MulticlassSummary: what the multi-class metrics need, computed in one parallel pass over the images. Predictions and
// ranks: equal scores rank by class index. Images of no known class (label −1) enter the open-set metric alone.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One line per image and one per class of a multi-class evaluation.
public struct MulticlassSummary: Sendable {
    /// Images of a known class.
    public internal(set) var rowCount = 0
    /// Of each image of a known class, ascending.
    public internal(set) var rows: [Int] = []
    public internal(set) var labels: [Int] = []
    public internal(set) var predictions: [Int] = []
    /// Classes that rank before the image's own.
    public internal(set) var ranks: [Int] = []
    /// Greatest probability of each image, and whether its class is right.
    public internal(set) var confidences = Confidences(confidence: [], hits: [])
    /// Counts of each class.
    public internal(set) var classCounts: [DecisionCounts]
    /// p_c against y = c, for each class.
    public internal(set) var classBins: [CalibrationBins]
    /// Sums over images.
    public internal(set) var nll = 0.0
    public internal(set) var brier = 0.0
    /// Predicted class and greatest probability of the images of no known class.
    public internal(set) var unknown: [(prediction: Int, confidence: Double)] = []

    init(classCount: Int, bins: Int) {
        classCounts = [DecisionCounts](repeating: DecisionCounts(), count: classCount)
        classBins = [CalibrationBins](repeating: CalibrationBins(equalWidth: bins), count: classCount)
    }

    static func += (sum: inout MulticlassSummary, other: MulticlassSummary) {
        sum.rowCount += other.rowCount
        sum.rows += other.rows
        sum.labels += other.labels
        sum.predictions += other.predictions
        sum.ranks += other.ranks
        sum.confidences.confidence += other.confidences.confidence
        sum.confidences.hits += other.confidences.hits
        for index in sum.classCounts.indices {
            sum.classCounts[index] += other.classCounts[index]
            sum.classBins[index] += other.classBins[index]
        }
        sum.nll += other.nll
        sum.brier += other.brier
        sum.unknown += other.unknown
    }
}

extension MulticlassPredictions {
    /// Goes through the images once.
    public func summary(bins: Int = 15) -> MulticlassSummary {
        let rows = stripes(rowCount, parts: 16)
        let partial = parallelMap(rows.count) { stripe -> MulticlassSummary in
            var sums = MulticlassSummary(classCount: classCount, bins: bins)
            var classBins = [CalibrationBins.Bin](repeating: CalibrationBins.Bin(), count: classCount * bins)
            var probabilities = [Double](repeating: 0, count: classCount)
            let borders = BinBorders(bins)
            logits.withUnsafeBufferPointer { logits in
                for row in rows[stripe] {
                    let scores = UnsafeBufferPointer(rebasing: logits[row * classCount..<(row + 1) * classCount])
                    add(scores, row, &probabilities, &classBins, borders, to: &sums)
                }
            }
            sums.classBins = (0..<classCount).map { CalibrationBins(Array(classBins[$0 * bins..<($0 + 1) * bins])) }
            return sums
        }
        return partial.dropFirst().reduce(into: partial[0]) { $0 += $1 }
    }

    private func add(
        _ scores: UnsafeBufferPointer<Float>, _ row: Int, _ probabilities: inout [Double],
        _ classBins: inout [CalibrationBins.Bin], _ borders: BinBorders, to sums: inout MulticlassSummary
    ) {
        let label = labels[row]
        var best = 0
        for index in 1..<max(classCount, 1) where scores[index] > scores[best] { best = index }
        let highest = Double(scores[best])
        var sum = 1.0
        if areProbabilities {
            for index in 0..<classCount { probabilities[index] = Double(scores[index]) }
        } else {
            sum = 0
            for index in 0..<classCount {
                probabilities[index] = exp(Double(scores[index]) - highest)
                sum += probabilities[index]
            }
            for index in 0..<classCount { probabilities[index] /= sum }
        }
        guard label >= 0 else {
            sums.unknown.append((best, probabilities[best]))
            return
        }
        let own = scores[label]
        var rank = 0
        for index in 0..<classCount {
            rank &+= scores[index] > own || (scores[index] == own && index < label) ? 1 : 0
        }
        var brier = 0.0
        let bins = sums.classBins[0].bins.count
        borders.withLookup { bin in
            for index in 0..<classCount {
                let p = probabilities[index]
                let difference = p - (index == label ? 1 : 0)
                brier += difference * difference
                classBins[index &* bins &+ bin(p)].add(p, index == label)
            }
        }
        sums.rowCount += 1
        sums.rows.append(row)
        sums.labels.append(label)
        sums.predictions.append(best)
        sums.ranks.append(rank)
        sums.confidences.confidence.append(probabilities[best])
        sums.confidences.hits.append(best == label)
        sums.classCounts[label].positives += 1
        sums.classCounts[best].predicted += 1
        if best == label { sums.classCounts[label].truePositives += 1 }
        sums.brier += brier
        sums.nll +=
            areProbabilities
            ? -log(max(probabilities[label], Double(Float.leastNonzeroMagnitude)))
            : highest + log(sum) - Double(scores[label])
    }
}
