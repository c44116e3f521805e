// Square-root sampling (Kang et al., ICLR 2020): power sampling with exponent 1/2.

import LTCore

public struct SquareRootSampler: Sampler {
    public static let name = "square-root"
    public static let summary = "class c with probability ∝ √n_c, then one of its images"

    private var power: PowerSampler
    public var epochLength: Int { power.epochLength }

    /// - Throws: `invalidArgument` when no image has a class.
    public init(_ data: SamplerData, seed: UInt64) throws(LTError) {
        power = try PowerSampler(data, exponent: 0.5, seed: seed)
    }

    public init(_ section: RecipeSection, data: SamplerData, seed: UInt64) throws(LTError) {
        try section.finish()
        try self.init(data, seed: seed)
    }

    public mutating func next() -> Int { power.next() }
}
