// Sampler: the order in which training images are drawn. A sampler is a function of its seed: drawing the same number
// again leads to the same state, which is how a resumed run finds its place.

import LTCore

/// What a sampler needs to know of the data.
public struct SamplerData: Sendable {
    /// Class positions of each image.
    public var labels: [[Int]]
    public var classNames: [String]
    public init(labels: [[Int]], classNames: [String]) {
        self.labels = labels
        self.classNames = classNames
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
}

/// Every sampler, one line each.
public enum SamplerTable {
    public static let all: [any Sampler.Type] = [
        ClassAwareSampler.self,
        UniformSampler.self,
    ]
}

/// Items in random order, shuffled anew at the start of every cycle.
struct ShuffledCycle: Sendable {
    private var items: [Int]
    private var position = 0

    init(_ items: [Int]) { self.items = items }

    mutating func next(_ generator: inout SeededGenerator) -> Int {
        if position == 0 { items = generator.shuffled(items) }
        defer { position = (position + 1) % items.count }
        return items[position]
    }
}
