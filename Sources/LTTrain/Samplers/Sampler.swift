// Sampler: the order in which training images are drawn. A sampler is a function of its seed: drawing the same number
// again leads to the same state, which is how a resumed run finds its place.

import LTCore

/// What a sampler needs to know of the data.
public struct SamplerData: Sendable {
    /// Class positions of each image.
    public var labels: [[Int]]
    public var classNames: [String]
    /// The length of the run, in epochs or in draws, for samplers that change on the way; nil: not known.
    public var length: Length?

    public enum Length: Sendable, Equatable {
        case epochs(Int)
        case draws(Int)
    }

    public init(labels: [[Int]], classNames: [String], length: Length? = nil) {
        self.labels = labels
        self.classNames = classNames
        self.length = length
    }

    /// The images of each class, in order; an image of several classes is in several lists, one of none in none.
    var members: [[Int]] {
        var lists = [[Int]](repeating: [], count: classNames.count)
        for (image, labels) in labels.enumerated() {
            for label in labels where lists[label].last != image { lists[label].append(image) }
        }
        return lists
    }

    /// Images with at least one class.
    /// - Throws: `invalidArgument` when there are none.
    func labelledCount() throws(LTError) -> Int {
        let count = labels.count { !$0.isEmpty }
        guard count > 0 else {
            throw LTError(.invalidArgument, "none of the \(labels.count) training images has a class")
        }
        return count
    }
}

/// An endless sequence of image positions.
public protocol Sampler: Sendable {
    /// How recipes call it.
    static var name: String { get }
    static var summary: String { get }
    /// Reads the parameters of the recipe's section.
    init(_ section: RecipeSection, data: SamplerData, seed: UInt64) throws(LTError)
    /// Draws that make one epoch.
    var epochLength: Int { get }
    mutating func next() -> Int
    /// Leaves the state that as many calls of `next` leave.
    mutating func skip(_ count: Int)
}

extension Sampler {
    public mutating func skip(_ count: Int) { for _ in 0..<max(0, count) { _ = next() } }
}

/// Every sampler, one line each.
public enum SamplerTable {
    public static let all: [any Sampler.Type] = [
        ClassAwareSampler.self,
        ClassBalancedSampler.self,
        PowerSampler.self,
        ProgressiveSampler.self,
        RepeatFactorSampler.self,
        Resampling.self,
        SquareRootSampler.self,
        UniformSampler.self,
    ]
}

/// Items in random order, shuffled anew at the start of every cycle.
struct ShuffledCycle: Sendable {
    private var items: [Int]
    private var position = 0

    init(_ items: [Int]) { self.items = items }

    mutating func next(_ generator: inout SeededGenerator) -> Int {
        if position == 0 { generator.shuffle(&items) }
        let item = items[position]
        position = position + 1 == items.count ? 0 : position + 1
        return item
    }

    /// Leaves the state that as many calls of `next` leave.
    mutating func skip(_ count: Int, _ generator: inout SeededGenerator) {
        var left = count
        while left > 0 {
            if position == 0 { generator.shuffle(&items) }
            let step = min(left, items.count - position)
            left -= step
            position = position + step == items.count ? 0 : position + step
        }
    }
}

/// Positions drawn with given weights in constant time each (Vose's alias method).
struct WeightedChoice: Sendable {
    /// Position i stands for itself up to `share[i]` and for `other[i]` above.
    private var share: [Double]
    private var other: [Int]

    /// - Parameter weights: finite, not negative, one above 0.
    init(_ weights: [Double]) {
        let mean = weights.reduce(0, +) / Double(weights.count)
        share = weights.map { $0 / mean }
        other = Array(weights.indices)
        var small = weights.indices.filter { share[$0] < 1 }
        var large = weights.indices.filter { share[$0] >= 1 }
        while let low = small.popLast(), let high = large.last {
            other[low] = high
            share[high] -= 1 - share[low]
            if share[high] < 1 { small.append(large.removeLast()) }
        }
        // What rounding leaves over stands for itself alone.
    }

    func next(_ generator: inout SeededGenerator) -> Int {
        let at = generator.uniform() * Double(share.count)
        let position = min(Int(at), share.count - 1)
        return at - Double(position) < share[position] ? position : other[position]
    }
}

/// Classes drawn with given weights, each going through its images in shuffled cycles; classes without images are left out.
struct ClassDraws: Sendable {
    private var members: [ShuffledCycle]
    private var choice: WeightedChoice
    /// Images of each class that has any.
    let counts: [Int]

    /// - Parameter weight: of a class with so many images.
    init(_ data: SamplerData, weight: (Int) -> Double) {
        let lists = data.members.filter { !$0.isEmpty }
        counts = lists.map(\.count)
        members = lists.map(ShuffledCycle.init)
        choice = WeightedChoice(counts.map(weight))
    }

    mutating func setWeights(_ weight: (Int) -> Double) { choice = WeightedChoice(counts.map(weight)) }
    mutating func next(_ generator: inout SeededGenerator) -> Int { members[choice.next(&generator)].next(&generator) }
}
