// Vectors of the BACL code.

import LTCore
import LTTrain
import OrderedCollections
import Testing

extension LossVectors {
    @Sendable static func rowsOfCrossEntropy(_ c: VectorCase) throws -> [Compared] {
        let logits = try c.leaf(c.inputs["logits"])
        let input = LossInput(
            logits, try c.oneHot(c.labels(c.inputs["targets"]), classes: try c.int("num_classes")))
        let loss = BinaryCrossEntropy(average: .rows)
        return try valueAndGradient(
            loss(input, rowWeights: c.tensor(c.inputs["label_weight"])), logits, c.outputs)
    }

    private static func state(_ json: [String: Any]) throws -> OrderedDictionary<String, Tensor> {
        var result: OrderedDictionary<String, Tensor> = [:]
        for (name, value) in json { result[name] = try Tensor(flat(value), dims(value)) }
        return result
    }

    /// The state's tensors beside the outputs that are called `NAME_after`.
    private static func states(
        _ state: OrderedDictionary<String, Tensor>, _ outputs: [String: Any], suffix: String = "_after"
    ) -> [Compared] {
        state.compactMap { name, tensor in
            outputs[name + suffix].map { expected in
                Compared(name, (try? tensor.array(of: Double.self)) ?? [], expected)
            }
        }
    }

    @Sendable static func foregroundBalance(_ c: VectorCase) throws -> [Compared] {
        let classes = try c.int("num_classes")
        let loss = try ForegroundBalance(
            alpha: try c.number("alpha"), probabilityThreshold: try c.number("prob_thr"),
            marginFloor: try c.number("margin_floor"), reweight: try #require(c.hyper["reweight"] as? Bool),
            classes: classes)
        try loss.restore(try state(c.before))
        var result: [Compared] = []
        for step in c.iterations {
            let logits = try step.leaf(step.inputs["logits"])
            let targets = try step.oneHot(step.labels(step.inputs["targets"]), classes: classes)
            let ones = [Double](repeating: 1, count: logits.count)
            let weights = try loss.weights(logits, targets)?.doubles() ?? ones
            result.append(Compared("weight", weights, step.outputs["weight"]))
            result += try valueAndGradient(loss(logits, targets), logits, step.outputs)
            result += states(try loss.state(), step.outputs)
            result.append(Compared("correct ratio", try loss.correctRatio(), step.outputs["correct_ratio_after"]))
            result.append(try Compared("scores", loss.scores(logits), step.outputs["test_scores"]))
        }
        return result
    }

    @Sendable static func hallucination(_ c: VectorCase) throws -> [Compared] {
        switch c.fields["kind"] as? String {
        case "statistics": return try statistics(c)
        case "class_sampling":
            let drawn = FeatureHallucination.classes(
                correctRatio: flat(c.inputs["correct_ratio"]), uniforms: flat(c.inputs["uniform_draws"]))
            // An empty selection is compared by its count.
            return [
                Compared("count", [Double(drawn.count)], [Double(flat(c.outputs["selected"]).count)]),
                Compared("selected", drawn.map(Double.init) + [0], flat(c.outputs["selected"]) + [0]),
            ]
        case "full_loss": return try fullLoss(c)
        default: return []
        }
    }

    private static func statistics(_ c: VectorCase) throws -> [Compared] {
        let classes = try c.int("num_classes")
        let module = FeatureHallucination(decayRatio: try c.number("decay_ratio"), classes: classes)
        var result: [Compared] = []
        for step in c.iterations {
            let features = try step.tensor(step.inputs["features"])
            try module.learn(features, targets: try step.oneHot(step.labels(step.inputs["labels"]), classes: classes))
            result += states(try module.state(), step.outputs, suffix: "")
        }
        return result
    }

    private static func fullLoss(_ c: VectorCase) throws -> [Compared] {
        let classes = try c.int("num_classes")
        let module = FeatureHallucination(
            decayRatio: try c.number("decay_ratio"), sampledClasses: try c.int("sampled_num_classes"),
            sampledFeatures: try c.int("sampled_num_features"), classes: classes)
        let loss = try ForegroundBalance(
            alpha: try c.number("alpha"), probabilityThreshold: try c.number("prob_thr"), hallucination: module,
            classes: classes)
        var before = try state(c.before)
        before["fc_weight"] = nil
        before["fc_bias"] = nil
        try loss.restore(before)
        let weight = try c.leaf(c.before["fc_weight"])
        let bias = try c.leaf(c.before["fc_bias"])
        let labels = c.labels(c.inputs["stat_labels"])
        if !labels.isEmpty {
            try module.learn(
                try c.tensor(c.inputs["stat_features"]), targets: try c.oneHot(labels, classes: classes))
        }
        let logits = try c.leaf(c.inputs["logits"])
        let input = LossInput(
            logits, try c.oneHot(c.labels(c.inputs["targets"]), classes: classes),
            classify: { (features) throws(LTError) in try linear(features, weight, bias) })
        var normals = flat(c.inputs["normal_draws_in_order"])
        let draws = FeatureHallucination.Draws(uniforms: flat(c.inputs["uniform_draws"])) { count in
            let next = Array(normals.prefix(count))
            normals.removeFirst(next.count)
            return next
        }
        var result = try valueAndGradient(loss(input, draws: draws), logits, c.outputs)
        // Every normal number was asked for.
        result.append(Compared("normal numbers left", [Double(normals.count)], [0.0]))
        for (name, tensor) in [("grad_fc_weight", weight), ("grad_fc_bias", bias)] {
            let gradient = try tensor.grad()?.doubles()
            let expected = flat(c.outputs[name])
            result.append(
                Compared(
                    name, gradient ?? [Double](repeating: 0, count: tensor.count),
                    expected.isEmpty ? [Double](repeating: 0, count: tensor.count) : expected))
        }
        return result + states(try loss.state(), c.outputs)
    }

    /// features · weightᵀ + bias.
    static func linear(_ features: TorchTensor, _ weight: TorchTensor, _ bias: TorchTensor) throws(LTError)
        -> TorchTensor
    {
        // [M, 1, D] · [1, C, D], summed over D.
        let (rows, depth, columns) = (features.dims[0], features.dims[1], weight.dims[0])
        let product = try features.reshaped([rows, 1, depth]) * weight.reshaped([1, columns, depth])
        return try product.sum(axes: [2], keepdims: false) + bias
    }

    @Sendable static func boxes(_ c: VectorCase) throws -> [Compared] {
        let corners = flat(c.inputs["boxes_xyxy"])
        let table = flat(c.inputs["uniform_4x16"])
        let per = FeatureHallucination.boxesPerBox
        #expect(table.count == 4 * per)
        let boxes = stride(from: 0, to: corners.count, by: 4).map { SIMD4(corners[$0..<$0 + 4]) }
        let jittered = try FeatureHallucination.boxes(
            around: boxes, imageWidth: c.labels(c.inputs["image_width"]).first ?? 0,
            imageHeight: c.labels(c.inputs["image_height"]).first ?? 0,
            draws: (0..<per).map { SIMD4(table[$0], table[per + $0], table[2 * per + $0], table[3 * per + $0]) })
        let labels = flat(c.inputs["labels"]).flatMap { [Double](repeating: $0, count: per) }
        return [
            Compared("boxes", jittered.flatMap { box in (0..<4).map { box[$0] } }, c.outputs["proposals"]),
            Compared("labels", labels, c.outputs["labels"]),
        ]
    }
}
