// Progressively balanced sampling (Kang et al., ICLR 2020): in epoch t of T (from 0) class c has probability
// (1 − λ) n_c / Σ n_k + λ / C with λ = t / (T − 1): as the data at first, every class equally often at last. An epoch is as
// many draws as images have a class; images without a class are never drawn.

import LTCore

public struct ProgressiveSampler: Sampler {
    public static let name = "progressive"
    public static let summary = "from as the data to every class equally often, over the epochs"

    public let epochLength: Int
    private let epochs: Int
    private var drawn = 0
    private var draws: ClassDraws
    private var generator: SeededGenerator

    /// - Parameter epochs: T; from then on the last mixture stays. Of 1 the only epoch is as the data.
    /// - Throws: `invalidArgument` when no image has a class.
    public init(_ data: SamplerData, epochs: Int, seed: UInt64) throws(LTError) {
        epochLength = try data.labelledCount()
        self.epochs = max(1, epochs)
        draws = ClassDraws(data) { Double($0) }
        generator = SeededGenerator(seed: seed)
    }

    /// Keys: `epochs`, the run's when absent.
    public init(_ section: RecipeSection, data: SamplerData, seed: UInt64) throws(LTError) {
        var epochs = try section.int("epochs", in: 1...1_000_000)
        try section.finish()
        if epochs == nil {
            switch data.length {
            case .epochs(let count): epochs = count
            case .draws(let count):
                let length = try data.labelledCount()
                epochs = count / length + (count % length == 0 ? 0 : 1)
            case nil: break
            }
        }
        try self.init(data, epochs: try section.required("epochs", epochs), seed: seed)
    }

    public mutating func next() -> Int {
        if drawn % epochLength == 0 {
            let epoch = min(drawn / epochLength, epochs - 1)
            let balance = epochs > 1 ? Double(epoch) / Double(epochs - 1) : 0
            let total = Double(draws.counts.reduce(0, +))
            let classes = Double(draws.counts.count)
            draws.setWeights { (1 - balance) * Double($0) / total + balance / classes }
        }
        drawn += 1
        return draws.next(&generator)
    }
}
