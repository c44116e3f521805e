// Repeat factor sampling (Gupta et al., LVIS, CVPR 2019): class c in a share f_c of the images has r_c = max(1, √(t / f_c)),
// an image the greatest of its classes. In each epoch an image comes ⌊r⌋ times and once more with probability r − ⌊r⌋, then
// all are shuffled. An image without a class has r = 1 and does not count in f.

import LTCore

public struct RepeatFactorSampler: Sampler {
    public static let name = "repeat-factor"
    public static let summary = "images of classes rarer than `threshold` come more often"

    /// Σ r, rounded: the expected number of draws. What the images really come to differs from epoch to epoch; the run
    /// counts epochs of this length and the stream goes on across them.
    public let epochLength: Int
    private let factors: [Double]
    private var epoch: [Int] = []
    private var position = 0
    private var generator: SeededGenerator

    /// - Parameter threshold: t, a share of the images.
    /// - Throws: `invalidArgument` without images.
    public init(_ data: SamplerData, threshold: Double, seed: UInt64) throws(LTError) {
        guard !data.labels.isEmpty else { throw LTError(.invalidArgument, "no training images") }
        factors = Self.factors(data, threshold: threshold)
        epochLength = max(1, Int(factors.reduce(0, +).rounded()))
        generator = SeededGenerator(seed: seed)
    }

    public init(_ section: RecipeSection, data: SamplerData, seed: UInt64) throws(LTError) {
        let threshold = try section.required("threshold", section.double("threshold", in: 0...1))
        try section.finish()
        try self.init(data, threshold: threshold, seed: seed)
    }

    /// The repeat factor of each image.
    public static func factors(_ data: SamplerData, threshold: Double) -> [Double] {
        let labelled = Double(data.labels.count { !$0.isEmpty })
        let classes = data.members.map {
            $0.isEmpty ? 1 : max(1, (threshold * labelled / Double($0.count)).squareRoot())
        }
        return data.labels.map { labels in labels.reduce(1) { max($0, classes[$1]) } }
    }

    public mutating func next() -> Int {
        if position == epoch.count {
            epoch.removeAll(keepingCapacity: true)
            for (image, factor) in factors.enumerated() {
                let whole = factor.rounded(.down)
                let times = Int(whole) + (generator.uniform() < factor - whole ? 1 : 0)
                for _ in 0..<times { epoch.append(image) }
            }
            generator.shuffle(&epoch)
            position = 0
        }
        defer { position += 1 }
        return epoch[position]
    }

    public mutating func skip(_ count: Int) {
        var left = count
        while left > 0 {
            _ = next()
            let step = min(left - 1, epoch.count - position)
            position += step
            left -= 1 + step
        }
    }
}
