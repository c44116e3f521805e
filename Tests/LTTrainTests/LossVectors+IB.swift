// Vectors of the IB code: its losses, the baselines it ships, the class weights of its training rules.

import LTCore
import LTTrain
import Testing

extension LossVectors {
    @Sendable static func influenceBalanced(_ c: VectorCase) throws -> [Compared] {
        let logits = try c.leaf(c.inputs["logits"])
        let features = try c.leaf(c.inputs["features"])
        let input = LossInput(
            logits, try c.oneHot(c.labels(c.inputs["targets"]), classes: logits.dims[1]), features: features)
        let gamma: Double?
        switch c.hyper["kind"] as? String {
        case "IB": gamma = nil
        case "IBFocal": gamma = try c.number("gamma")
        default: return []
        }
        let loss = InfluenceBalanced(
            alpha: try c.number("alpha"), epsilon: try c.number("epsilon"), startEpoch: 0,
            weights: c.classWeights(c.hyper["class_weight"]), focalGamma: gamma)
        return try valueAndGradient(loss(input), logits, c.outputs) + [
            try Compared("gradient of features", features.grad(), c.outputs["grad_features"])
        ]
    }

    @Sendable static func baselines(_ c: VectorCase) throws -> [Compared] {
        let logits = try c.leaf(c.inputs["logits"])
        let weights = c.classWeights(c.hyper["class_weight"])
        let loss: any Loss
        switch c.hyper["kind"] as? String {
        case "CE": loss = SoftmaxCrossEntropy(weights: weights)
        case "Focal":
            loss = SoftmaxFocal(
                gamma: try c.number("gamma"), detach: false, scale: 10, weights: weights, weightedProbability: true)
        case "LDAM":
            loss = try LDAM(
                maxMargin: try c.number("max_m"), scale: try c.number("s"), weights: weights,
                classes: c.counts(c.labels(c.hyper["cls_num_list"])))
        default: return []
        }
        let targets = try c.oneHot(c.labels(c.inputs["targets"]), classes: logits.dims[1])
        return try valueAndGradient(loss(logits, targets), logits, c.outputs)
    }

    @Sendable static func classWeights(_ c: VectorCase) throws -> [Compared] {
        let counts = c.labels(c.inputs["cls_num_list"])
        let deferred = try ClassWeights(.drw, classes: c.counts(counts))
        return try c.outputs.keys.sorted().map { name in
            let ours: [Double]? =
                switch name {
                case "CBReweight": try ClassWeights(.classBalanced, classes: c.counts(counts)).values(epoch: 0)
                case "IBReweight": try ClassWeights(.inverse, classes: c.counts(counts)).values(epoch: 0)
                case "DRW_before_160": deferred.values(epoch: 159)
                case "DRW_from_160": deferred.values(epoch: 160)
                default: nil
                }
            return Compared(name, try #require(ours, "\(c.name): \(name)"), c.outputs[name])
        }
    }
}
