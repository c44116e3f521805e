// ImbalanceProfile: how many images each class of a long-tailed set has, most frequent class first.
//   exponential  n_c = trunc(N · f^(c / (C − 1)))      LDAM (Cao et al., 2019), IB, CDB (f = 1 / imbalance)
//   step         n_c = trunc(N) for the first half of the classes, trunc(N · f) for the others
//   pareto       n_j = trunc((max − min) · p_j^−(b + 1) + min), p_j equally spaced from the quantile 0 to the quantile
//                `tail` of the Pareto distribution of shape b           Distribution-Balanced loss (Wu et al., 2020)

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Class sizes of a long-tailed set.
public enum ImbalanceProfile: Sendable, Equatable {
    /// All classes alike.
    case none
    /// From N images down to N · factor.
    case exponential(factor: Double)
    /// With an odd number of classes the one in the middle is small. (The published code gives sizes to
    /// two halves of floor(C / 2) classes, so that the last class of an odd number has no images at all.)
    case step(factor: Double)
    /// The reference sizes of COCO-MLT and VOC-MLT; they do not depend on the size of the set.
    case pareto(shape: Double, largest: Int, least: Int, tail: Double)

    /// CDB's exponential profile: the last class is `imbalance` times smaller than the first.
    public static func cdb(imbalance: Double) -> ImbalanceProfile { .exponential(factor: 1 / imbalance) }
    /// The profile of COCO-MLT.
    public static let cocoMLT = ImbalanceProfile.pareto(shape: 6, largest: 1200, least: 1, tail: 0.99)
    /// The profile of VOC-MLT.
    public static let vocMLT = ImbalanceProfile.pareto(shape: 6, largest: 800, least: 1, tail: 0.99)

    /// Images per class, most frequent first.
    /// - Parameter largest: N, the images of a class of the balanced set: images / classes, a fraction where they do not
    ///   divide evenly (CDB cuts it to a whole number first).
    public func sizes(classes: Int, largest: Double) -> [Int] {
        (0..<max(0, classes)).map { rank in
            switch self {
            case .none: return Self.whole(largest)
            case .exponential(let factor):
                return Self.whole(largest * pow(factor, Self.share(rank, of: classes)))
            case .step(let factor):
                return Self.whole(rank < max(1, classes / 2) ? largest : largest * factor)
            case .pareto(let shape, let largest, let least, let tail):
                let end = pow(1 - tail, -1 / shape)
                let point = 1 + (end - 1) * Self.share(rank, of: classes)
                return Self.whole((Double(largest) - Double(least)) * pow(point, -(shape + 1)) + Double(least))
            }
        }
    }

    /// Cut to a whole number; 0 for what is none.
    private static func whole(_ size: Double) -> Int { size > 0 ? Int(min(size, 0x1p53)) : 0 }
    private static func share(_ rank: Int, of classes: Int) -> Double {
        classes > 1 ? Double(rank) / Double(classes - 1) : 0
    }
}

extension ImbalanceProfile {
    /// Reads `none`, `exponential:FACTOR`, `step:FACTOR`, `cdb:IMBALANCE` or `pareto:MAX` (shape 6, down to 1).
    /// - Throws: `invalidArgument` for anything else.
    public init(parsing text: String) throws(LTError) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        let number = parts.count == 2 ? Double(parts[1]) : nil
        switch (parts.first, number) {
        case ("none", nil) where parts.count == 1: self = .none
        case ("exponential", let factor?): self = .exponential(factor: factor)
        case ("step", let factor?): self = .step(factor: factor)
        case ("cdb", let imbalance?): self = .cdb(imbalance: imbalance)
        case ("pareto", let largest?) where largest >= 1 && largest <= 1e9:
            self = .pareto(shape: 6, largest: Int(largest), least: 1, tail: 0.99)
        default:
            throw LTError(
                .invalidArgument,
                "profile '\(text)', expected none, exponential:FACTOR, step:FACTOR, cdb:IMBALANCE or pareto:MAX")
        }
        try validate()
    }

    /// Checks the numbers.
    /// - Throws: `invalidArgument` naming the one that is out of range.
    public func validate() throws(LTError) {
        switch self {
        case .none: break
        case .exponential(let factor), .step(let factor):
            guard factor > 0, factor <= 1 else {
                throw LTError(.invalidArgument, "factor \(factor), expected more than 0 and at most 1")
            }
        case .pareto(let shape, let largest, let least, let tail):
            guard (0.1...1000).contains(shape) else {
                throw LTError(.invalidArgument, "Pareto shape \(shape), expected 0.1 … 1000")
            }
            guard tail > 0, tail < 1 else {
                throw LTError(.invalidArgument, "Pareto tail \(tail), expected a quantile between 0 and 1")
            }
            guard least >= 0, largest >= max(1, least) else {
                throw LTError(
                    .invalidArgument,
                    "Pareto sizes from \(largest) down to \(least), expected max ≥ min ≥ 0 and max ≥ 1")
            }
        }
    }

    var isBalanced: Bool {
        switch self {
        case .none: true
        case .exponential(let factor), .step(let factor): factor == 1
        case .pareto: false
        }
    }
}
