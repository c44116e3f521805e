// DetectionProtocol: everything that makes one kind of average precision differ from another, as one value.
// LVIS: https://github.com/lvis-dataset/lvis-api · COCO: https://github.com/cocodataset/cocoapi

import LTCore

/// The rules of an evaluation of detections.
public struct DetectionProtocol: Sendable, Equatable {
    /// How many detections count, the best by score first; equal scores in file order.
    public enum Cap: Sendable, Equatable {
        case unlimited
        /// Per image, over all categories, before anything else is left out (LVIS: 300).
        case perImage(Int)
        /// Per category, over all images (fixed AP: 10,000).
        case perCategory(Int)
        /// Per image and category; average recall has a value for each number (COCO: 1, 10, 100).
        case perPair([Int])
    }

    /// Objects and detections of some sizes, in pixels; both ends belong to it.
    public struct AreaRange: Sendable, Equatable {
        /// What names of metrics have behind AP and AR: "" for all sizes, "s", "m", "l".
        public var suffix: String
        public var lower: Double
        public var upper: Double

        public init(_ suffix: String, _ lower: Double, _ upper: Double) {
            (self.suffix, self.lower, self.upper) = (suffix, lower, upper)
        }
    }

    /// What overlaps: boxes, masks, or masks and their boundaries (the smaller overlap of both).
    public enum IoUType: String, Sendable, CaseIterable { case bbox, segm, boundary }

    public var name: String
    public var iouType = IoUType.bbox
    /// With masks: a detection's area is that of its box where the results have one, as lvis-api takes it, not the mask's.
    public var takesBoxAreas = false
    /// Ascending, at most 32.
    public var iouThresholds: [Double] = Self.iouGrid
    /// Ascending.
    public var recallThresholds: [Double] = Self.recallGrid
    /// The first is all sizes.
    public var areas: [AreaRange] = Self.areaRanges
    public var cap: Cap
    /// LVIS: a detection counts only in images whose annotation says whether its category is there; one that matches nothing
    /// where the annotation is not exhaustive is ignored. Objects and detections without area are left out.
    public var isFederated: Bool
    /// COCO: objects marked `iscrowd` are ignored, may be matched again and again, and overlap by the share of the detection
    /// that they cover; the field `ignore` is not honoured.
    public var honoursCrowds: Bool
    /// Reproduces what the reference does by mistake: see docs/metrics.md.
    public var isStrict = false

    /// 0.50, 0.55, …, 0.95, in the reference's arithmetic (the ninth is 0.8999999999999999).
    public static let iouGrid = (0..<10).map { 0.5 + Double($0) * ((0.95 - 0.5) / 9) }
    /// 0, 0.01, …, 1.
    public static let recallGrid = (0...100).map { Double($0) * 0.01 }
    public static let areaRanges = [
        AreaRange("", 0, 1e10), AreaRange("s", 0, 1024), AreaRange("m", 1024, 9216), AreaRange("l", 9216, 1e10),
    ]

    /// LVIS's own evaluation.
    public static let lvis = DetectionProtocol(
        name: "lvis", cap: .perImage(300), isFederated: true, honoursCrowds: false)
    /// Fixed AP (Dave et al. 2021): the best 10,000 detections of each category over all images, no limit per image.
    public static let lvisFixed = DetectionProtocol(
        name: "lvis-fixed", cap: .perCategory(10_000), isFederated: true, honoursCrowds: false)
    /// LVIS's evaluation by boundary IoU (Cheng et al. 2021).
    public static let lvisBoundary = DetectionProtocol(
        name: "lvis-boundary", iouType: .boundary, cap: .perImage(300), isFederated: true, honoursCrowds: false)
    /// The LVIS challenge of 2021: fixed AP by boundary IoU.
    public static let lvisChallenge2021 = DetectionProtocol(
        name: "lvis-challenge-2021", iouType: .boundary, cap: .perCategory(10_000), isFederated: true,
        honoursCrowds: false)
    /// COCO's own evaluation.
    public static let coco = DetectionProtocol(
        name: "coco", cap: .perPair([1, 10, 100]), isFederated: false, honoursCrowds: true)

    /// Changes how many detections count, in whatever the protocol counts them by; below 0: all.
    public mutating func limit(_ count: Int) {
        switch cap {
        case .perImage, .unlimited: cap = count < 0 ? .unlimited : .perImage(count)
        case .perCategory: cap = count < 0 ? .unlimited : .perCategory(count)
        case .perPair(let limits):
            let last = count < 0 ? Int.max : count
            cap = .perPair(limits.filter { $0 < last } + [last])
        }
    }

    /// Checks options that came from outside.
    /// - Throws: `invalidArgument`.
    public func validate() throws(LTError) {
        func ascending(_ values: [Double]) -> Bool {
            zip(values, values.dropFirst()).allSatisfy { $0 < $1 } && values.allSatisfy { $0 >= 0 && $0 <= 1 }
        }
        guard (1...32).contains(iouThresholds.count), ascending(iouThresholds) else {
            throw LTError(
                .invalidArgument, "IoU thresholds \(iouThresholds), expected 1 to 32 ascending numbers from 0 to 1")
        }
        guard (1...10_001).contains(recallThresholds.count), ascending(recallThresholds) else {
            throw LTError(.invalidArgument, "recall thresholds are not ascending numbers from 0 to 1")
        }
        guard (1...8).contains(areas.count), areas.allSatisfy({ $0.lower <= $0.upper }) else {
            throw LTError(.invalidArgument, "\(areas.count) ranges of area, expected 1 to 8, each from less to more")
        }
        let limits: [Int] =
            switch cap {
            case .unlimited: [1]
            case .perImage(let limit), .perCategory(let limit): [limit]
            case .perPair(let limits): limits
            }
        guard !limits.isEmpty, limits[0] > 0, zip(limits, limits.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw LTError(.invalidArgument, "at most \(limits) detections, expected ascending numbers of at least 1")
        }
    }

    /// The numbers of detections that recall is given for.
    var recallCaps: [Int] {
        switch cap {
        case .unlimited: [.max]
        case .perImage(let limit), .perCategory(let limit): [limit]
        case .perPair(let limits): limits
        }
    }
}

extension DetectionProtocol {
    /// The protocols that have a name.
    public static let named = [lvis, lvisFixed, lvisBoundary, lvisChallenge2021, coco]

    /// The protocol of this name.
    /// - Throws: `notFound` with the names there are.
    public init(named name: String) throws(LTError) {
        guard let found = Self.named.first(where: { $0.name == name }) else {
            let names = Self.named.map(\.name).joined(separator: ", ")
            throw LTError(.notFound, "no protocol '\(name)', expected one of \(names)")
        }
        self = found
    }
}
