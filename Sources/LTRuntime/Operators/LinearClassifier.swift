// LinearClassifier: scores X · coefficientsᵀ + intercepts, one per class, after post_transform, and the label of the largest;
// one row of coefficients for two classes scores the second: the label is its where the score is above 0, and the scores are
// 1 − s and s (LOGISTIC: σ(−s) and σ(s)). multi_class changes nothing.
// https://onnx.ai/onnx/operators/onnx_aionnxml_LinearClassifier.html

import LTCore

struct LinearClassifierOperator: Operator {
    static let schema = OperatorSchema(classical: "LinearClassifier", outputs: 1...2)

    let model: LinearModel
    let transform: PostTransform
    let labels: ClassLabels

    init(_ node: OperatorNode) throws(LTError) {
        labels = try ClassLabels(node.node, integers: "classlabels_ints")
        let intercepts = try node.node.floats("intercepts")?.count ?? labels.count
        model = try LinearModel(node.node, targets: max(intercepts, 1))
        transform = try PostTransform(node.node)
        guard model.targets == labels.count || model.targets == 1 && labels.count == 2 else {
            throw LTError(.malformed, "\(model.targets) intercepts for \(labels.count) classes")
        }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let rows = try model.rows(try Self.first(inputs))
        return [Facts(labels.type, [rows]), Facts(.float32, [rows, labels.count])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        let x = try FeatureRows(inputs[0]!)
        var classes: [Int?] = []
        let scores = try Tensor.scores(x.rows, labels.count) { row in
            let raw = model(x[row])
            guard raw.count == 1, labels.count == 2 else {
                classes.append(raw.firstOfLargest)
                return transform(raw)
            }
            classes.append(raw[0] > 0 ? 1 : 0)
            return transform.pair(raw[0], isComplement: true)
        }
        return [try labels.tensor(classes), scores]
    }
}
