// Vectors of the Distribution-Balanced code.

import LTCore
import LTTrain
import Testing

extension LossVectors {
    @Sendable static func distributionBalanced(_ c: VectorCase) throws -> [Compared] {
        let images = c.labels(c.inputs["class_freq"])
        let total = try #require(images.first) + (try #require(c.labels(c.inputs["neg_class_freq"]).first))
        let loss = try DistributionBalanced(parameters(c.hyper), classes: c.counts(images, total: total))
        var result: [Compared] = []
        if let bias = loss.classBias { result.append(Compared("class bias", bias, c.outputs["init_bias_vector"])) }
        let logits = try c.leaf(c.inputs["logits"])
        let targets = try c.tensor(c.inputs["labels"])
        result += try valueAndGradient(loss(logits, targets), logits, c.outputs)
        if let elements = c.outputs["elementwise"] {
            result.append(try Compared("elements", loss.elements(logits, targets), elements))
        }
        if let weight = c.outputs["weight_before_logit_reg"] {
            result.append(try Compared("weight", loss.weights(targets), weight))
        }
        // Logits stay as they were.
        result.append(Compared("logits", try logits.doubles(), try c.tensor(c.inputs["logits"]).doubles()))
        return result
    }

    static func parameters(_ hyper: [String: Any]) throws -> DistributionBalanced.Parameters {
        func number(_ json: Any?) throws -> Double { try #require(flat(json).first) }
        var p = DistributionBalanced.Parameters()
        let map = try #require(hyper["map_param"] as? [String: Any])
        p.alpha = try number(map["alpha"])
        p.beta = try number(map["beta"])
        p.gamma = try number(map["gamma"])
        let regularisation = try #require(hyper["logit_reg"] as? [String: Any])
        p.negScale = flat(regularisation["neg_scale"]).first
        p.initBias = flat(regularisation["init_bias"]).first
        let focal = try #require(hyper["focal"] as? [String: Any])
        p.focal = try #require(focal["focal"] as? Bool)
        p.focalGamma = try number(focal["gamma"])
        p.focalBalance = try number(focal["balance_param"])
        p.reweightFunction = try #require(.init(rawValue: hyper["reweight_func"] as? String ?? "none"))
        p.weightNorm = try #require(.init(rawValue: hyper["weight_norm"] as? String ?? "none"))
        let cb = try #require(hyper["CB_loss"] as? [String: Any])
        p.cbBeta = try number(cb["CB_beta"])
        p.cbMode = try #require(.init(rawValue: cb["CB_mode"] as? String ?? ""))
        p.lossWeight = try number(hyper["loss_weight"])
        return p
    }

    @Sendable static func plainLosses(_ c: VectorCase) throws -> [Compared] {
        let logits = try c.leaf(c.inputs["logits"])
        let targets = try c.tensor(c.inputs["labels"])
        if c.hyper["topk"] != nil {
            let percent = try TrainingAccuracy.percent(logits, targets, top: c.int("topk"))
            return [Compared("accuracy", [percent], c.outputs["accuracy_percent"])]
        }
        let reduction = (c.hyper["reduction"] as? String).flatMap(Reduction.init(rawValue:)) ?? .none
        let weight = flat(c.hyper["loss_weight"]).first ?? 1
        let loss: any Loss
        switch c.hyper["kind"] as? String {
        case "bce": loss = BinaryCrossEntropy(reduction: reduction, lossWeight: weight)
        case "kpos_ce": loss = SoftmaxCrossEntropy(kPositive: true, reduction: reduction, lossWeight: weight)
        case "focal_sigmoid":
            loss = SigmoidFocal(
                gamma: try c.number("gamma"), balance: try c.number("balance_param"), reduction: .none,
                lossWeight: weight)
        case "focal_kpos":
            loss = SoftmaxFocal(
                gamma: try c.number("gamma"), detach: false, scale: try c.number("balance_param"), kPositive: true,
                reduction: .none, lossWeight: weight)
        default: return []
        }
        let value = try loss(logits, targets)
        var result = [try Compared("value", value, c.outputs["value"])]
        if let mean = c.outputs["loss"] { result.append(try Compared("mean", value.mean(), mean)) }
        let ofMean = c.outputs["grad_logits_of_mean"]
        try (ofMean != nil ? value.mean() : value.sum()).backward()
        result.append(try Compared("gradient", logits.grad(), ofMean ?? c.outputs["grad_of_sum"]))
        return result
    }
}
