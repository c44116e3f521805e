// DetectionErrors: what average precision is lost to. Every false positive and every missed object gets one kind of error,
// and each kind is worth the AP that fixing it alone would gain. At IoU threshold t_f (0.5) and background threshold t_b (0.1):
// localisation: the best overlap with an object of its category is in t_b … t_f · classification: one with an object of another
// category is ≥ t_f · duplicate: ≥ t_f with an object of its category that a better detection has · background: ≤ t_b with all
// objects · both: the rest · missed: an object that no detection has nor could have by a fix of category or box. The first that
// holds counts, in this order. Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020.

import LTCore

/// Errors of a detector by kind.
public struct DetectionErrors: Sendable {
    /// A kind of error; the last two are all false positives and all missed objects.
    public enum Kind: Int, Sendable, CaseIterable {
        case classification, localisation, both, duplicate, background, missed, falsePositive, falseNegative

        /// What TIDE calls it.
        public var name: String {
            switch self {
            case .classification: "Cls"
            case .localisation: "Loc"
            case .both: "Both"
            case .duplicate: "Dupe"
            case .background: "Bkg"
            case .missed: "Miss"
            case .falsePositive: "FP"
            case .falseNegative: "FN"
            }
        }

        /// In words.
        public var title: String {
            switch self {
            case .classification: "wrong category"
            case .localisation: "bad localisation"
            case .both: "wrong category and bad localisation"
            case .duplicate: "duplicate"
            case .background: "background"
            case .missed: "missed"
            case .falsePositive: "all false positives"
            case .falseNegative: "all missed objects"
            }
        }
    }

    /// t_f and t_b.
    public let foreground: Double
    public let background: Double
    /// AP at t_f of each category as it is; `nil` without objects to find.
    public let averagePrecisions: [Double?]
    /// [kind][category]: errors.
    public let counts: [[Int]]
    /// [kind][category]: AP at t_f with the errors of one kind fixed.
    private let fixed: [[Double?]]

    /// What fixing a kind of error gains: the mean over categories with objects.
    /// - Parameter categories: all by default.
    public func gain(_ kind: Kind, categories: [Int]? = nil) -> Double? {
        let gains = (categories ?? Array(averagePrecisions.indices)).compactMap { category -> Double? in
            guard let before = averagePrecisions[category], let after = fixed[kind.rawValue][category] else {
                return nil
            }
            return after - before
        }
        return gains.isEmpty ? nil : gains.reduce(0, +) / Double(gains.count)
    }

    /// Errors of a kind.
    public func count(_ kind: Kind, categories: [Int]? = nil) -> Int {
        (categories ?? Array(averagePrecisions.indices)).reduce(0) { $0 + counts[kind.rawValue][$1] }
    }

    /// Sorts the errors of matches; detections and objects of all sizes.
    /// - Parameter foreground: the nearest of the protocol's IoU thresholds is taken.
    /// - Throws: `malformed` for a mask that is none.
    public init<Overlap: DetectionOverlap>(
        _ matches: DetectionMatches, _ truth: DetectionTruth, overlap: Overlap, foreground: Double = 0.5,
        background: Double = 0.1, threads: Int = Parallel.processorCount
    ) throws(LTError) {
        let thresholds = matches.rules.iouThresholds
        let threshold = thresholds.indices.min {
            abs(thresholds[$0] - foreground) < abs(thresholds[$1] - foreground)
        }
        let nearest = threshold ?? 0
        (self.foreground, self.background) = (thresholds[nearest], background)
        let sorted = SortedErrors(matches, truth, bit: 1 << UInt32(nearest))
        let images = truth.images.count
        let chunks = max(1, min(images, 8 * threads))
        let workers = max(1, min(threads, chunks))
        let sorters = Column<ErrorSorter<Overlap>?>(repeating: nil, count: workers)
        for worker in 0..<workers {
            sorters[worker] = ErrorSorter(
                matches, truth, overlap, floor: thresholds[nearest], background: background)
        }
        try Parallel.forEach(chunks, threads: workers) { (chunk, worker) throws(LTError) in
            for image in images * chunk / chunks..<images * (chunk + 1) / chunks {
                try sorters[worker]?.sort(image, into: sorted)
            }
        }
        (averagePrecisions, counts, fixed) = try sorted.accumulate(threads: threads)
    }

    /// Sorts the errors by the protocol's kind of overlap.
    public init(
        _ matches: DetectionMatches, _ truth: DetectionTruth, _ results: DetectionResults, foreground: Double = 0.5,
        background: Double = 0.1, threads: Int = Parallel.processorCount
    ) throws(LTError) {
        let rules = matches.rules
        if rules.iouType == .bbox {
            try self.init(
                matches, truth, overlap: BoxOverlap(results, truth, honoursCrowds: rules.honoursCrowds),
                foreground: foreground, background: background, threads: threads)
        } else {
            let overlap = MaskOverlap(
                results, truth, honoursCrowds: rules.honoursCrowds,
                boundaryRatio: rules.iouType == .boundary ? 0.02 : nil)
            try self.init(
                matches, truth, overlap: overlap, foreground: foreground, background: background, threads: threads)
        }
    }
}
