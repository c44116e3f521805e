// Power sampling (Kang et al., ICLR 2020): class c with probability n_c^q / Σ n_k^q, then the next image of its shuffled cycle.
// q = 1 draws images equally often (single-label), 1/2 is square-root, 0 class-balanced sampling; an epoch is as many draws
// as images have a class. Images without a class are never drawn, those of several may come from each of them.

import Foundation
import LTCore

public struct PowerSampler: Sampler {
    public static let name = "power"
    public static let summary = "class c with probability ∝ n_c^exponent, then one of its images"

    public let epochLength: Int
    private var draws: ClassDraws
    private var generator: SeededGenerator

    /// - Throws: `invalidArgument` when no image has a class.
    public init(_ data: SamplerData, exponent: Double, seed: UInt64) throws(LTError) {
        epochLength = try data.labelledCount()
        draws = ClassDraws(data) { pow(Double($0), exponent) }
        generator = SeededGenerator(seed: seed)
    }

    public init(_ section: RecipeSection, data: SamplerData, seed: UInt64) throws(LTError) {
        let exponent = try section.required("exponent", section.double("exponent", in: -2...2))
        try section.finish()
        try self.init(data, exponent: exponent, seed: seed)
    }

    public mutating func next() -> Int { draws.next(&generator) }
}
