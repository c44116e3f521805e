// Class-balanced sampling (Kang et al., ICLR 2020): power sampling with exponent 0.

import LTCore

public struct ClassBalancedSampler: Sampler {
    public static let name = "class-balanced"
    public static let summary = "every class equally often, then one of its images"

    private var power: PowerSampler
    public var epochLength: Int { power.epochLength }

    /// - Throws: `invalidArgument` when no image has a class.
    public init(_ data: SamplerData, seed: UInt64) throws(LTError) {
        power = try PowerSampler(data, exponent: 0, seed: seed)
    }

    public init(_ section: RecipeSection, data: SamplerData, seed: UInt64) throws(LTError) {
        try section.finish()
        try self.init(data, seed: seed)
    }

    public mutating func next() -> Int { power.next() }
}
