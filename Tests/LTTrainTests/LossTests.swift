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
        }
        #expect(Set(LossTable.all.map { $0.name }).count == LossTable.all.count)
    }
}
