// Distribution-Balanced loss (Wu et al., ECCV 2020, arXiv:2007.09654; reference code: ResampleLoss).
// n_c training images of class c of T, s the logistic function, y the labels, x the logits:
//   weight   r_ic = (1/n_c) / Σ_c y_ic/n_c,  w_ic = α + s(β (r_ic − γ))                       (R-BCE, eq. 4–5)
//   logits   ν_c = −κ/λ · ln(T/n_c − 1),  z = x + ν,  z' = z for y = 1, λ z for y = 0; w' = w for y = 1, w/λ for y = 0 (NTR, eq. 7–8)
//   focal    l = bce(z', y),  e = balance · (1 − exp(−l))^γ_f · w' · l;  loss = mean over N·C
// Labels of −1 are unknown: they count neither in the sum nor in the denominator. Logits are not changed in place.

import Foundation
import LTCore

public struct DistributionBalanced: Loss {
    public static let name = "distribution-balanced"
    public static let summary =
        "re-balanced weights, negative-tolerant logits and focal term for long-tailed multi-label sets"
    public static let paper = "Wu et al., ECCV 2020, arXiv:2007.09654"
    public static let formula = "mean of balance · (1 − e^−l)^gamma · w' · l, l = bce(z', y)"
    public static let defaults =
        "reweight_func rebalance, map {alpha 0.1, beta 10, gamma 0.3}, logit_reg {neg_scale 5, init_bias 0.05}, "
        + "focal {on true, gamma 2, balance 2}, CB {beta 0.9, mode average_w}, weight_norm none, partial false, loss_weight 1"
    public static let activation = "sigmoid"

    public enum ReweightFunction: String, Sendable, CaseIterable {
        case none, rebalance, inv
        case sqrtInv = "sqrt_inv"
        case cb = "CB"
    }
    public enum WeightNorm: String, Sendable, CaseIterable {
        case none
        case byInstance = "by_instance"
        case byBatch = "by_batch"
    }
    public enum CBMode: String, Sendable, CaseIterable {
        case byClass = "by_class"
        case averageN = "average_n"
        case averageW = "average_w"
        case minN = "min_n"
    }

    /// Parameters, named as in the reference code; defaults are the VOC-MLT configuration's (COCO-MLT: γ 0.2, λ 2).
    public struct Parameters: Sendable {
        public var reweightFunction = ReweightFunction.rebalance
        public var weightNorm = WeightNorm.none
        /// α, β, γ of the smoothed weight.
        public var alpha = 0.1
        public var beta = 10.0
        public var gamma = 0.3
        /// Class-balanced weights (1 − β)/(1 − β^n), for `CB`.
        public var cbBeta = 0.9
        public var cbMode = CBMode.averageW
        /// λ; nil scales nothing.
        public var negScale: Double? = 5
        /// κ; nil shifts nothing.
        public var initBias: Double? = 0.05
        public var focal = true
        public var focalGamma = 2.0
        public var focalBalance = 2.0
        public var partial = false
        public var reduction = Reduction.mean
        public var lossWeight = 1.0
        public init() {}
    }

    public let parameters: Parameters
    /// ν_c; nil when init_bias is off.
    public let classBias: [Double]?
    private let frequencies: [Double]
    private let total: Double

    /// - Throws: `invalidArgument` naming a class that is in no training image or in all of them.
    public init(_ parameters: Parameters, classes: ClassCounts) throws(LTError) {
        try classes.requireProper("the Distribution-Balanced loss")
        self.parameters = parameters
        frequencies = classes.images.map(Double.init)
        let total = Double(classes.total)
        self.total = total
        classBias = parameters.initBias.map { kappa in
            classes.images.map { -log(total / Double($0) - 1) * kappa / (parameters.negScale ?? 1) }
        }
    }

    /// Keys: `reweight_func`, `weight_norm`, `map` {alpha, beta, gamma}, `CB` {beta, mode}, `logit_reg` {neg_scale,
    /// init_bias} (an empty one switches it off), `focal` {on, gamma, balance}, `partial`, `loss_weight`.
    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        var p = Parameters()
        p.reweightFunction = try section.choice("reweight_func", ReweightFunction.self) ?? p.reweightFunction
        p.weightNorm = try section.choice("weight_norm", WeightNorm.self) ?? p.weightNorm
        if let map = try section.section("map") {
            p.alpha = try map.double("alpha", in: 0...1e6) ?? p.alpha
            p.beta = try map.double("beta", in: 1e-6...1e6) ?? p.beta
            p.gamma = try map.double("gamma", in: -1e6...1e6) ?? p.gamma
            try map.finish()
        }
        if let cb = try section.section("CB") {
            p.cbBeta = try cb.double("beta", in: 0...0.9999999) ?? p.cbBeta
            p.cbMode = try cb.choice("mode", CBMode.self) ?? p.cbMode
            try cb.finish()
        }
        if let regularisation = try section.section("logit_reg") {
            p.negScale = try regularisation.double("neg_scale", in: 1e-6...1e6)
            p.initBias = try regularisation.double("init_bias", in: -1e6...1e6)
            try regularisation.finish()
        }
        if let focal = try section.section("focal") {
            p.focal = try focal.bool("on") ?? p.focal
            p.focalGamma = try focal.focusing("gamma") ?? p.focalGamma
            p.focalBalance = try focal.double("balance", in: 0...1e6) ?? p.focalBalance
            try focal.finish()
        }
        p.partial = try section.bool("partial") ?? p.partial
        p.lossWeight = try section.lossWeight()
        try section.finish()
        do { try self.init(p, classes: classes) } catch { throw error.inside(section.place) }
    }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        let elements = try self.elements(input.logits, input.targets)
        if parameters.partial, parameters.reduction == .mean {
            let unknown = try input.targets.equals(-1).sum()
            let known = try input.normaliser(Double(input.targets.count) - unknown).item()
            return try elements.sum() / (known > 0 ? known : 1)
        }
        return try parameters.reduction(elements)
    }

    /// The unreduced loss [N, C].
    public func elements(_ logits: TorchTensor, _ targets: TorchTensor) throws(LTError) -> TorchTensor {
        let unknown = parameters.partial ? try targets.equals(-1) : nil
        let y = if let unknown { try targets + unknown } else { targets }
        var weight = try weights(y)
        var z = logits
        if let classBias { z = try z + .constants(classBias, like: logits) }
        if let lambda = parameters.negScale {
            let negatives = try 1 - y
            z = try z * (y + negatives * lambda)
            let scale = try y + negatives / lambda
            weight = if let weight { try weight * scale } else { scale }
        }
        let l = try z.binaryCrossEntropy(y)
        var e = if let weight { try weight * l } else { l }
        if parameters.focal {
            e = try l.focalModulation(gamma: parameters.focalGamma) * e * parameters.focalBalance
        }
        if let unknown { e = try e * (1 - unknown) }
        return try e * parameters.lossWeight
    }

    /// The weight w before regularisation, [N, C], [1, C] or [N, 1]; `nil` for 1 everywhere.
    public func weights(_ y: TorchTensor) throws(LTError) -> TorchTensor? {
        func row(_ value: (Double) -> Double) throws(LTError) -> TorchTensor {
            try .constants(frequencies.map(value), like: y)
        }
        var weight: TorchTensor
        switch parameters.reweightFunction {
        case .none: return nil
        case .rebalance:
            let q = try row { 1 / $0 }
            // A row without positives: r is infinite, w = α + 1.
            let r = try q / (y * q).sum(axes: [1])
            weight = try ((r - parameters.gamma) * parameters.beta).sigmoid() + parameters.alpha
        case .inv: weight = try row { total / $0 }
        case .sqrtInv: weight = try row { (total / $0).squareRoot() }
        case .cb:
            let base = parameters.cbBeta
            func effective(_ n: TorchTensor) throws(LTError) -> TorchTensor {
                // 1 − β^n without cancellation.
                try (n * log(base)).unary("expm1").negated().reciprocal() * (1 - base)
            }
            let n = try row { $0 }
            let positives = try y.sum(axes: [1])
            switch parameters.cbMode {
            case .byClass: weight = try effective(n)
            case .averageN: weight = try effective((y * n).sum(axes: [1]) / positives)
            case .averageW: weight = try (y * effective(n)).sum(axes: [1]) / positives
            // Negatives enter the minimum as 100000.
            case .minN: weight = try effective((y * n + (1 - y) * 100_000).min(axis: 1))
            }
            // The averages of a row without positives are 0/0; such a row gets the weight 1.
            if parameters.cbMode == .averageN || parameters.cbMode == .averageW {
                let isEmpty = try Torch.one("eq.Scalar", [.tensor(positives), .double(0)])
                weight = try Torch.one("where.ScalarSelf", [.tensor(isEmpty), .double(1), .tensor(weight)])
            }
        }
        switch parameters.weightNorm {
        case .none: return weight
        case .byInstance: return try weight / weight.max(axis: 1)
        case .byBatch: return try weight / weight.max()
        }
    }
}
