// Vectors of the CDB and EQL codes.

import LTCore
import LTTrain
import Testing

extension LossVectors {
    private static func tau(_ c: VectorCase, _ form: ClassDifficulty.DynamicForm) throws -> ClassDifficulty.Tau {
        c.hyper["tau"] as? String == "dynamic" ? .dynamic(form) : .fixed(try c.number("tau"))
    }

    private static func cdb(_ c: VectorCase, _ form: ClassDifficulty.DynamicForm, _ average: CDBCrossEntropy.Average)
        throws
        -> [Compared]
    {
        let difficulty = ClassDifficulty(
            try tau(c, form), normalize: c.hyper["normalize"] as? Bool ?? true,
            values: flat(c.inputs["class_difficulty"]))
        let loss = CDBCrossEntropy(difficulty, average: average)
        let logits = try c.leaf(c.inputs["logits"])
        let targets = try c.oneHot(c.labels(c.inputs["targets"]), classes: logits.dims[1])
        var result = try valueAndGradient(loss(logits, targets), logits, c.outputs)
        result.append(Compared("weights", difficulty.weights, c.outputs["weights"]))
        if let elements = c.outputs["elementwise"] {
            result.append(try Compared("elements", loss.elements(LossInput(logits, targets)), elements))
        }
        if let tau = c.outputs["tau_used"] { result.append(Compared("tau", [difficulty.currentTau], tau)) }
        return result
    }

    @Sendable static func cdbCrossEntropy(_ c: VectorCase) throws -> [Compared] { try cdb(c, .cifar, .samples) }
    @Sendable static func cdbImageNet(_ c: VectorCase) throws -> [Compared] { try cdb(c, .imagenet, .weights) }

    @Sendable static func cdbWeights(_ c: VectorCase) throws -> [Compared] {
        let difficulty = ClassDifficulty(
            try tau(c, .helper), normalize: try #require(c.hyper["normalize"] as? Bool),
            epsilon: try c.number("epsilon"), values: flat(c.inputs["class_accuracy"]).map { 1 - $0 })
        return [Compared("weights", difficulty.weights, c.outputs["weights"])]
    }

    @Sendable static func cdbBaselines(_ c: VectorCase) throws -> [Compared] {
        let logits = try c.leaf(c.inputs["logits"])
        let input = LossInput(logits, try c.oneHot(c.labels(c.inputs["targets"]), classes: logits.dims[1]))
        if c.hyper["lambda_"] != nil {
            let loss = Equalization(
                frequencies: flat(c.inputs["freq_ratio"]), lambda: try c.number("lambda_"),
                probability: try c.number("gamma"))
            return try valueAndGradient(loss(input, draw: c.number("uniform_draw")), logits, c.outputs)
        }
        if c.hyper["beta"] != nil {
            let isFocal = c.hyper["gamma"] != nil
            let loss = try ClassBalanced(
                form: isFocal ? .focal : .softmax, beta: try c.number("beta"),
                gamma: isFocal ? try c.number("gamma") : nil,
                classes: c.counts(c.labels(c.inputs["samples_per_class"])))
            return try valueAndGradient(loss(input), logits, c.outputs) + [
                Compared("weights", loss.classWeights, c.outputs["weights"]),
                try Compared("elements", loss.elements(input), c.outputs["elementwise"]),
            ]
        }
        let loss = SoftmaxFocal(gamma: try c.number("gamma"))
        return try valueAndGradient(loss(input), logits, c.outputs) + [
            try Compared("elements", loss.elements(input), c.outputs["elementwise"])
        ]
    }

    @Sendable static func equalization(_ c: VectorCase) throws -> [Compared] {
        let logits = try c.leaf(c.inputs["logits"])
        let loss = Equalization(frequencies: flat(c.inputs["frequency"]), lambda: try c.number("lambda"))
        let targets = try c.oneHot(c.labels(c.inputs["targets"]), classes: logits.dims[1])
        return try valueAndGradient(loss(logits, targets), logits, c.outputs) + [
            Compared("tail", loss.tail, c.outputs["tail_mask"]),
            try Compared("scores", Equalization.scores(logits), c.outputs["test_scores"]),
        ]
    }
}
