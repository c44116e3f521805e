// Resampling by effective numbers (Cui et al., CVPR 2019), as influence-balanced training names it: each draw, with
// replacement, takes an image with probability ∝ (1 − β) / (1 − β^n), n the images of its class; of several classes the rarest
// counts. An epoch is as many draws as images have a class; images without a class are never drawn.

import Foundation
import LTCore

public struct Resampling: Sampler {
    public static let name = "resampling"
    public static let summary = "images with replacement, by the effective number of their class"

    public let epochLength: Int
    private let images: [Int]
    private let choice: WeightedChoice
    private var generator: SeededGenerator

    /// - Throws: `invalidArgument` when no image has a class.
    public init(_ data: SamplerData, beta: Double = 0.9999, seed: UInt64) throws(LTError) {
        epochLength = try data.labelledCount()
        // 1 − β^n without cancellation for β close to 1.
        let weights = data.members.map { $0.isEmpty ? 0 : (1 - beta) / -expm1(Double($0.count) * log(beta)) }
        images = data.labels.indices.filter { !data.labels[$0].isEmpty }
        choice = WeightedChoice(images.map { data.labels[$0].reduce(0) { max($0, weights[$1]) } })
        generator = SeededGenerator(seed: seed)
    }

    /// Keys: `beta`, 0.9999 when absent.
    public init(_ section: RecipeSection, data: SamplerData, seed: UInt64) throws(LTError) {
        let beta = try section.double("beta", in: 0...0.999_999_999_999) ?? 0.9999
        try section.finish()
        try self.init(data, beta: beta, seed: seed)
    }

    public mutating func next() -> Int { images[choice.next(&generator)] }
}
