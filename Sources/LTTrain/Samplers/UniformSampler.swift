// Uniform sampling: every image once per epoch, in a new random order.

import LTCore

public struct UniformSampler: Sampler {
    public static let name = "uniform"
    public static let summary = "every image once per epoch, shuffled"

    public let epochLength: Int
    private var cycle: ShuffledCycle
    private var generator: SeededGenerator

    /// - Throws: `invalidArgument` without images.
    public init(count: Int, seed: UInt64) throws(LTError) {
        guard count > 0 else { throw LTError(.invalidArgument, "no training images") }
        epochLength = count
        cycle = ShuffledCycle(Array(0..<count))
        generator = SeededGenerator(seed: seed)
    }

    public init(_ section: RecipeSection, data: SamplerData, seed: UInt64) throws(LTError) {
        try section.finish()
        try self.init(count: data.labels.count, seed: seed)
    }

    public mutating func next() -> Int { cycle.next(&generator) }
    public mutating func skip(_ count: Int) { cycle.skip(count, &generator) }
}
