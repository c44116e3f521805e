// Losses beyond the vectors: what recipes say, labels that are not known, limits.

import Foundation
import LTCore
import LTTrain
import Testing

@Suite struct LossTests {
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
            #expect(!type.summary.isEmpty && !type.formula.isEmpty && !type.summary.contains("\n"))
        }
        #expect(LossTable.all.map { $0.name } == Set(LossTable.all.map { $0.name }).sorted())
    }

    @Test func whatRecipesSayWrongIsNamed() {
        let wrong: [(String, String, String)] = [
            ("softmax-ce", "weights: heavy", "weights: 'heavy', expected one of none, inverse, drw, class-balanced"),
            ("softmax-ce", "weights: [1, 2]", "weights: 2 numbers, expected one for each of 5 classes"),
            ("ib", "weights: {beta: 0.9}", "has no key 'rule'"),
            ("ldam", "weights: {rule: inverse, beta: 0.9}", "unknown key 'weights.beta'"),
            ("ldam", "weights: {rule: drw, betas: []}", "weights.betas: an empty list"),
            ("focal", "gamma: 0.5, detach: false", "gamma: 0.5, expected 0, or 1 and more"),
            ("cdb-ce", "tau: often", "tau: 'often', expected a number"),
            ("cdb-ce", "tau: 1, dynamic_form: cifar", "unknown key 'dynamic_form'"),
            ("class-balanced", "gamma: 1", "unknown key 'gamma'"),
            ("bacl", "hallucination: {classes: 8}", "unknown key 'hallucination.classes'"),
        ]
        for (name, yaml, message) in wrong {
            let error = #expect(throws: LTError.self) { try LossProbe().loss(name, yaml) }
            let text = error?.description ?? ""
            #expect(text.contains(message), "\(text)")
        }
        let empty = LossProbe(counts: [5, 0, 2])
        for (name, yaml) in [
            ("softmax-ce", "weights: inverse"), ("ldam", ""), ("balanced-softmax", ""), ("class-balanced", ""),
        ] {
            let error = #expect(throws: LTError.self) { try empty.loss(name, yaml) }
            #expect(error?.message.contains("class 'class 1' is in 0 training images") ?? false)
        }
    }

    @Test func constantModulationsMayHaveSmallExponents() throws {
        _ = try LossProbe().loss("focal", "gamma: 0.5")
        #expect(try LossProbe().loss("class-balanced", "form: sigmoid").activation == "sigmoid")
        #expect(try LossProbe().loss("class-balanced", "form: sigmoid").needsSingleLabels)
        #expect(try LossProbe().loss("cdb-ce", "focal_gamma: 1").activation == "sigmoid")
    }
}
