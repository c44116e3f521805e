// WeightAverage: the exponential moving average of the weights, a ← a + (1 − d)·(p − a) after each step. With warm-up d is
// at most (1 + n)/(10 + n) at step n, so that the average soon forgets the start (Polyak & Juditsky 1992; the warm-up as in
// TensorFlow's ExponentialMovingAverage).

import LTCore
import OrderedCollections

/// A recipe's `ema` section.
public struct WeightAverageOptions: Sendable, Equatable {
    /// Share of the old average.
    public var decay: Double
    public var warmUp: Bool

    public init(decay: Double = 0.999, warmUp: Bool = true) {
        self.decay = decay
        self.warmUp = warmUp
    }
    /// Keys: `decay`, `warmup`.
    init(_ section: RecipeSection) throws(LTError) {
        self.init(
            decay: try section.double("decay", in: 0...0.9999999) ?? 0.999,
            warmUp: try section.bool("warmup") ?? true)
        try section.finish()
    }
    /// - Parameter step: counted from 1.
    public func decay(_ step: Int) -> Double {
        warmUp ? min(decay, (1 + Double(step)) / (10 + Double(step))) : decay
    }
}

/// Averages of named tensors: weights and running statistics.
public final class WeightAverage {
    public let options: WeightAverageOptions
    private let names: [String]
    private let sources: [TorchTensor]
    private let averages: [TorchTensor]
    private var steps = 0

    /// Begins with the values as they are.
    public init(_ sources: OrderedDictionary<String, TorchTensor>, _ options: WeightAverageOptions) throws(LTError) {
        self.options = options
        names = Array(sources.keys)
        self.sources = Array(sources.values)
        var averages: [TorchTensor] = []
        for source in sources.values { averages.append(try source.detached().clone()) }
        self.averages = averages
    }

    /// Takes up the values after a step.
    public func update() throws(LTError) {
        steps += 1
        let share = 1 - options.decay(steps)
        try Torch.withoutGrad { () throws(LTError) in
            let differences = try Torch.call(
                "_foreach_sub.List", [.tensors(sources), .tensors(averages), .double(1)])
            try Torch.call("_foreach_add_.List", [.tensors(averages), .tensors(differences), .double(share)])
        }
    }

    /// Runs `body` while the weights are the averages; they are what they were before, to the bit, afterwards.
    public func whileApplied<Result>(_ body: () throws(LTError) -> Result) throws(LTError) -> Result {
        try exchange()
        let result: Result
        do { result = try body() } catch {
            try exchange()
            throw error
        }
        try exchange()
        return result
    }

    private func exchange() throws(LTError) {
        for (source, average) in zip(sources, averages) {
            let own = try source.detached().clone()
            try source.copy(from: average)
            try average.copy(from: own)
        }
    }

    /// Steps done and the averages by name.
    public func state() throws(LTError) -> OrderedDictionary<String, Tensor> {
        var result: OrderedDictionary<String, Tensor> = ["steps": try Tensor(scalar: Int64(steps))]
        for (name, average) in zip(names, averages) { result["average/\(name)"] = try average.host() }
        return result
    }

    /// Restores what `state` gave.
    /// - Throws: `notFound` naming what is missing.
    public func restore(_ state: OrderedDictionary<String, Tensor>) throws(LTError) {
        guard let steps = try state["steps"]?.array(of: Int64.self).first else {
            throw LTError(.notFound, "no averaged weights")
        }
        for (name, average) in zip(names, averages) {
            guard let saved = state["average/\(name)"], saved.dims == average.dims else {
                throw LTError(.notFound, "no averaged '\(name)'")
            }
            try average.copy(from: try TorchTensor(saved))
        }
        self.steps = Int(steps)
    }
}
