// BalancedBoxSampler: a number of candidates of each picture, at most a share of them objects' (Ren et al., arXiv:1506.01497,
// §3.1.3; Girshick, Fast R-CNN, arXiv:1504.08083, §2.3); where objects are fewer, background takes their place.

import LTCore

/// Draws candidates by what they were assigned to.
public struct BalancedBoxSampler: Sendable, Equatable {
    /// Candidates of each picture.
    public var count: Int
    /// The greatest share of candidates with an object.
    public var share: Double

    public init(count: Int, share: Double) {
        self.count = count
        self.share = share
    }

    /// Anchors: 256, half of them with an object.
    public static let anchors = BalancedBoxSampler(count: 256, share: 0.5)
    /// Proposals: 512, a quarter of them with an object.
    public static let regions = BalancedBoxSampler(count: 512, share: 0.25)

    /// Positions among the candidates, ascending.
    public struct Sample: Sendable, Equatable {
        public var foreground: [Int]
        public var background: [Int]
        public var count: Int { foreground.count + background.count }
        public init(foreground: [Int], background: [Int]) {
            self.foreground = foreground
            self.background = background
        }
    }

    /// Every candidate with an object is as likely as the others, and so is all background.
    /// - Parameter assignment: of `BoxAssigner`.
    public func draw(_ assignment: [Int32], _ generator: inout SeededGenerator) -> Sample {
        var (foreground, background): ([Int], [Int]) = ([], [])
        for (index, object) in assignment.enumerated() {
            if object >= 0 { foreground.append(index) }
            if object == BoxAssigner.background { background.append(index) }
        }
        let wanted = min(foreground.count, Int(Double(count) * share))
        return Sample(
            foreground: Self.some(wanted, of: foreground, &generator),
            background: Self.some(count - wanted, of: background, &generator))
    }

    private static func some(_ count: Int, of items: [Int], _ generator: inout SeededGenerator) -> [Int] {
        guard count < items.count else { return items }
        var items = items
        for index in 0..<max(0, count) { items.swapAt(index, index + generator.below(items.count - index)) }
        return items.prefix(max(0, count)).sorted()
    }
}
