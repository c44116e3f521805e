// Losses beside an independent computation in PyTorch (Utilities/fixtures/losses.py): values and gradients to 1e-9.

import Foundation
import LTCore
import LTTrain
import Testing

@Suite struct LossPeerTests {
    static func loss(_ c: VectorCase) throws -> any Loss {
        let counts = c.counts(c.labels(c.inputs["counts"]))
        switch c.fields["kind"] as? String {
        case "balanced-softmax": return try BalancedSoftmax(classes: counts)
        case "logit-adjustment": return try LogitAdjustment(tau: try c.number("tau"), classes: counts)
        case "seesaw":
            let before = flat(c.inputs["examples_before"])
            let loss = Seesaw(
                p: try c.number("p"), q: try c.number("q"), eps: try c.number("eps"),
                classes: c.counts(before.map { Int($0) }))
            try loss.restore(["examples": try Tensor(before)])
            return loss
        case "asymmetric":
            return Asymmetric(
                gammaPos: try c.number("gamma_pos"), gammaNeg: try c.number("gamma_neg"), clip: try c.number("clip"),
                detach: try #require(c.hyper["detach"] as? Bool))
        case "softmax-ce":
            return SoftmaxCrossEntropy(
                weights: c.classWeights(c.inputs["class_weight"]), labelSmoothing: try c.number("label_smoothing"))
        case "class-balanced":
            return try ClassBalanced(
                form: .sigmoid, beta: try c.number("beta"), gamma: try c.number("gamma"), classes: counts)
        case "cdb-ce": return CDBCrossEntropy(try difficulty(c), focalGamma: try c.number("focal_gamma"))
        case "cdb-focal":
            return CDBFocal(
                try difficulty(c), gamma: try c.number("gamma"), detach: try #require(c.hyper["detach"] as? Bool))
        case "ib":
            return InfluenceBalanced(
                alpha: try c.number("alpha"), epsilon: try c.number("epsilon"), startEpoch: 0,
                detach: try #require(c.hyper["detach"] as? Bool))
        default: throw LTError(.notFound, "\(c.name): nobody compares it")
        }
    }

    static func difficulty(_ c: VectorCase) throws -> ClassDifficulty {
        ClassDifficulty(.fixed(try c.number("tau")), values: flat(c.inputs["class_difficulty"]))
    }

    @Test(arguments: [(ElementType.float64, 1e-9), (.float32, 1e-4)])
    func valuesAndGradientsEqualPyTorch(_ type: ElementType, _ tolerance: Double) throws {
        let cases = try Fixtures.cases("extra_losses.json")
        #expect(!cases.isEmpty)
        for fields in cases {
            let c = VectorCase(name: fields["case"] as? String ?? "", fields: fields, type: type)
            let logits = try c.leaf(c.inputs["logits"])
            let targets =
                try c.inputs["labels"].map { try c.tensor($0) }
                ?? c.oneHot(c.labels(c.inputs["targets"]), classes: logits.dims[1])
            let features = try c.inputs["features"].map { try c.leaf($0) }
            let input = LossInput(logits, targets, features: features)
            var numbers: [Compared]
            if c.fields["kind"] as? String == "softmax-eql" {
                let loss = SoftmaxEqualization(
                    frequencies: flat(c.inputs["frequency"]), lambda: try c.number("lambda"),
                    probability: try c.number("probability"))
                let value = try loss(input, draws: flat(c.inputs["uniform_draws"]))
                numbers = try LossVectors.valueAndGradient(value, logits, c.outputs)
            } else {
                let loss = try Self.loss(c)
                numbers = try LossVectors.valueAndGradient(loss(input), logits, c.outputs)
                if let seesaw = loss as? Seesaw {
                    numbers.append(Compared("examples", seesaw.examples, c.outputs["examples_after"]))
                }
            }
            if let features {
                // None where the factor is a constant.
                let gradient = try features.grad()?.doubles() ?? [Double](repeating: 0, count: features.count)
                numbers.append(Compared("gradient of features", gradient, c.outputs["grad_features"]))
            }
            for number in numbers {
                let deviation = number.deviation
                #expect(deviation <= tolerance, "\(c.name): \(number.what) differs by \(deviation)")
            }
        }
    }
}
