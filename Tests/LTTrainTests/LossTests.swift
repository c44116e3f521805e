// Losses against vectors made with the official code in double precision: values and gradients to 1e-9.

import Foundation
import LTCore
import LTTrain
import Testing

@Suite struct LossTests {
    static func parameters(_ hyper: [String: Any]) throws -> DistributionBalanced.Parameters {
        var p = DistributionBalanced.Parameters()
        let map = hyper["map_param"] as? [String: Double] ?? [:]
        p.alpha = try #require(map["alpha"])
        p.beta = try #require(map["beta"])
        p.gamma = try #require(map["gamma"])
        let regularisation = hyper["logit_reg"] as? [String: Double] ?? [:]
        p.negScale = regularisation["neg_scale"]
        p.initBias = regularisation["init_bias"]
        let focal = try #require(hyper["focal"] as? [String: Any])
        p.focal = try #require(focal["focal"] as? Bool)
        p.focalGamma = flat(focal["gamma"])[0]
        p.focalBalance = flat(focal["balance_param"])[0]
        let name = hyper["reweight_func"] as? String ?? "none"
        p.reweightFunction = try #require(DistributionBalanced.ReweightFunction(rawValue: name))
        p.weightNorm = try #require(
            DistributionBalanced.WeightNorm(rawValue: hyper["weight_norm"] as? String ?? "none"))
        let cb = try #require(hyper["CB_loss"] as? [String: Any])
        p.cbBeta = flat(cb["CB_beta"])[0]
        p.cbMode = try #require(DistributionBalanced.CBMode(rawValue: cb["CB_mode"] as? String ?? ""))
        p.lossWeight = flat(hyper["loss_weight"])[0]
        return p
    }

    static func counts(_ inputs: [String: Any]) -> ClassCounts {
        let images = flat(inputs["class_freq"]).map { Int($0) }
        let total = images[0] + Int(flat(inputs["neg_class_freq"])[0])
        return ClassCounts(names: images.indices.map { "class \($0)" }, images: images, total: total)
    }

    @Test func distributionBalancedEqualsTheOfficialCode() throws {
        var compared = 0
        for entry in try Fixtures.cases("db_resample_loss.json") {
            let name = try #require(entry["case"] as? String)
            let inputs = try #require(entry["inputs"] as? [String: Any])
            let outputs = try #require(entry["outputs"] as? [String: Any])
            let parameters = try Self.parameters(try #require(entry["hyper"] as? [String: Any]))
            let classes = Self.counts(inputs)
            if ["zero_frequency_class", "class_in_every_image"].contains(name) {
                let error = #expect(throws: LTError.self) { try DistributionBalanced(parameters, classes: classes) }
                let wrong = classes.images.firstIndex { $0 == 0 || $0 == classes.total } ?? -1
                #expect(error?.message.contains("'class \(wrong)'") ?? false)
                continue
            }
            let loss = try DistributionBalanced(parameters, classes: classes)
            if let bias = loss.classBias {
                #expect(deviation(bias, flat(outputs["init_bias_vector"])) < 1e-9, "\(name): class bias")
            }
            let logits = try tensor(inputs["logits"])
            try logits.setRequiresGrad(true)
            let targets = try tensor(inputs["labels"])
            let value = try loss(logits, targets)
            try value.backward()
            let gradient = try #require(try logits.grad()).array(of: Double.self)
            let item = try value.item()
            if name == "cb_average_w_row_without_positives" {
                // The official code divides 0 by 0 here; such a row gets the weight 1.
                #expect(item.isFinite && gradient.allSatisfy(\.isFinite))
                continue
            }
            #expect(deviation([item], flat(outputs["loss"])) < 1e-9, "\(name): loss \(item)")
            #expect(deviation(gradient, flat(outputs["grad_logits"])) < 1e-9, "\(name): gradient")
            if let elementwise = outputs["elementwise"] {
                let elements = try loss.elements(logits, targets).array(of: Double.self)
                #expect(deviation(elements, flat(elementwise)) < 1e-9, "\(name): elements")
            }
            if let expected = outputs["weight_before_logit_reg"] {
                let weight = try #require(try loss.weights(targets)).array(of: Double.self)
                #expect(deviation(weight, flat(expected)) < 1e-9, "\(name): weight")
            }
            // Logits stay as they were.
            #expect(try logits.array(of: Double.self) == flat(inputs["logits"]))
            compared += 1
        }
        #expect(compared > 0)
    }

    @Test func plainLossesEqualTheOfficialCode() throws {
        var compared = 0
        for entry in try Fixtures.cases("db_aux_losses.json") {
            let name = try #require(entry["case"] as? String)
            let hyper = try #require(entry["hyper"] as? [String: Any])
            let inputs = try #require(entry["inputs"] as? [String: Any])
            let outputs = try #require(entry["outputs"] as? [String: Any])
            let reduction = (hyper["reduction"] as? String).flatMap(Reduction.init(rawValue:)) ?? .none
            let weight = flat(hyper["loss_weight"]).first ?? 1
            let loss: any Loss
            switch hyper["kind"] as? String {
            case "bce": loss = BinaryCrossEntropy(reduction: reduction, lossWeight: weight)
            case "kpos_ce": loss = SoftmaxCrossEntropy(kPositive: true, reduction: reduction, lossWeight: weight)
            case "focal_sigmoid": loss = SigmoidFocal(gamma: 2, balance: 0.25, reduction: .none)
            default: continue
            }
            let logits = try tensor(inputs["logits"])
            try logits.setRequiresGrad(true)
            let value = try loss(logits, try tensor(inputs["labels"]))
            #expect(deviation(try value.array(of: Double.self), flat(outputs["value"])) < 1e-9, "\(name): value")
            let isMean = outputs["grad_logits_of_mean"] != nil
            try (isMean ? value.mean() : value.sum()).backward()
            let gradient = try #require(try logits.grad()).array(of: Double.self)
            let expected = outputs["grad_of_sum"] ?? outputs["grad_logits_of_mean"]
            #expect(deviation(gradient, flat(expected)) < 1e-9, "\(name): gradient")
            compared += 1
        }
        #expect(compared > 0)
    }

    @Test func unknownLabelsCountNeitherInTheSumNorInTheDenominator() throws {
        var parameters = DistributionBalanced.Parameters()
        parameters.partial = true
        let classes = ClassCounts(names: ["a", "b"], images: [3, 5], total: 10)
        let loss = try DistributionBalanced(parameters, classes: classes)
        let logits = try TorchTensor([0.5, -1, 2, 0.25], [2, 2])
        let unknown = try loss(logits, try TorchTensor([1.0, 0, -1, 1], [2, 2])).item()
        parameters.partial = false
        parameters.reduction = .none
        let elements = try DistributionBalanced(parameters, classes: classes)(
            logits, try TorchTensor([1.0, 0, 0, 1], [2, 2])
        ).array(of: Double.self)
        #expect(abs(unknown - (elements[0] + elements[1] + elements[3]) / 3) < 1e-12)
    }

    @Test func softmaxCrossEntropyOfOneHotTargets() throws {
        let logits = try TorchTensor([1.0, 2, 3, 0, 0, 0], [2, 3])
        let targets = try TorchTensor([0.0, 0, 1, 1, 0, 0], [2, 3])
        let expected = (log(exp(1.0) + exp(2) + exp(3)) - 3 + log(3.0)) / 2
        #expect(abs(try SoftmaxCrossEntropy()(logits, targets).item() - expected) < 1e-12)
    }

    @Test func everyLossIsReadFromARecipe() throws {
        let classes = ClassCounts(names: ["a", "b"], images: [3, 5], total: 10)
        for type in LossTable.all {
            _ = try type.init(try RecipeSection(yaml: ""), classes: classes)
            let error = #expect(throws: LTError.self) {
                try type.init(try RecipeSection(yaml: "loss_wieght: 1"), classes: classes)
            }
            #expect(error?.hint == "did you mean 'loss_weight'?")
        }
        #expect(Set(LossTable.all.map { $0.name }).count == LossTable.all.count)
    }
}
