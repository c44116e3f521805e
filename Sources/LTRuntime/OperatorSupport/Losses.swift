// Losses: what NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss share: attributes, shapes, weights and reductions.

import LTCore

/// The attributes of a classification loss.
struct LossSettings: Sendable {
    enum Reduction: String, CaseIterable {
        case none, sum, mean
    }

    let reduction: Reduction
    /// Targets of this value have no loss and no weight.
    let ignored: Int?

    init(_ node: OperatorNode) throws(LTError) {
        reduction = try node.choice("reduction", default: .mean)
        ignored = try node.node.int("ignore_index")
    }
}

/// A loss of scores (N, C, d1, …, dk) and class indices (N, d1, …, dk) with optional weights (C).
protocol ClassificationLoss: RealOperator {
    var settings: LossSettings { get }
}

extension ClassificationLoss {
    /// The facts of the loss itself.
    func loss(_ inputs: [Facts?]) throws(LTError) -> Facts {
        let x = try Self.first(inputs)
        let targets = try inputs.required(1, .indices)
        let weights = try inputs.like(2)
        let dims = try x.dims("input", ranks: 2...Int.max)
        var places = try targets.dims("target", ranks: 1...Int.max)
        if var expected = dims {
            let classes = expected.remove(at: 1)
            guard classes != 0 else { throw LTError(.shapeMismatch, "input \(dims!.text) has no classes") }
            if let weight = try weights?.dims("weight", ranks: 1...1), !agree(weight[0], classes) {
                throw LTError(.shapeMismatch, "weight \(weight.text), expected \([classes].text)")
            }
            if let places, places.count != expected.count || !zip(places, expected).allSatisfy({ agree($0, $1) }) {
                throw LTError(.shapeMismatch, "target \(places.text), expected \(expected.text)")
            }
            places = expected
        }
        return Facts(x.type, settings.reduction == .none ? places : [])
    }

    /// The loss of log-probabilities; floats add up in double precision. A mean is over the sum of the weights.
    func reduce<T: Real>(_ x: Tensor, _ inputs: [Tensor?], into result: Tensor, _: T.Type) throws(LTError) {
        let (source, target) = (x.elements(T.self), result.elements(T.self))
        let weights = inputs.count > 2 ? inputs[2]?.elements(T.self) : nil
        let (classes, lines) = (x.dims[1], Lines(x.dims, axis: 1))
        var (sum, total) = (0.0, 0.0)
        for (line, label) in try inputs[1]!.integers("target").enumerated() {
            if label == settings.ignored {
                if settings.reduction == .none { target[line] = 0 }
                continue
            }
            guard label >= 0, label < classes else {
                throw LTError(.invalidArgument, "target \(label), expected 0 to \(classes - 1)")
            }
            let weight = weights?[label] ?? 1
            let loss = -source[lines.start(line) + label * lines.stride] * weight
            if settings.reduction == .none { target[line] = loss }
            sum += loss.double
            total += weight.double
        }
        switch settings.reduction {
        case .none: break
        case .sum: target[0] = T(sum)
        case .mean: target[0] = T(sum / total)
        }
    }
}
