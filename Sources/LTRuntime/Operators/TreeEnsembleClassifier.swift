// TreeEnsembleClassifier: decision trees whose leaves vote for classes: the sums of the votes plus base_values, after
// post_transform, and the label of the largest sum that has a vote. With two classes and votes for only one of them the
// label is the second where the sum is above 1/2 (above 0 when a vote is negative), and votes for the first stand for the
// second: its scores are 1 − s and s (−s and s). Version 3 added double precision (*_as_tensor), 5 made TreeEnsemble of it.
// https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleClassifier.html

import LTCore

struct TreeEnsembleClassifierOperator: Operator {
    static let schema = OperatorSchema(classical: "TreeEnsembleClassifier", outputs: 2...2)

    let model: TreeEnsembleModel
    let labels: ClassLabels
    let base: [Double]
    let transform: PostTransform
    /// Of two classes, the only one that has votes.
    let only: Int?
    let isPositive: Bool

    init(_ node: OperatorNode) throws(LTError) {
        labels = try ClassLabels(node.node, integers: "classlabels_int64s")
        model = try TreeEnsembleModel(node.node, votes: "class", targets: labels.count)
        base = try TreeEnsembleModel.numbers(node.node, "base_values") ?? []
        transform = try PostTransform(node.node)
        let targets = Set(model.votes.map(\.target))
        only = labels.count == 2 && targets.count == 1 && base.count < 2 ? targets.first : nil
        isPositive = model.votes.allSatisfy { $0.weight >= 0 }
        guard base.isEmpty || base.count == labels.count || base.count == 1 && only != nil else {
            throw LTError(.malformed, "\(base.count) base_values for \(labels.count) classes")
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
        let scores = try Tensor.scores(x.rows, labels.count) { (row) throws(LTError) in
            let sums = try model(x[row], targets: labels.count, .sum)
            if let only {
                let sum = (sums[only] ?? 0) + (base.first ?? 0)
                classes.append(sum > (isPositive ? 0.5 : 0) ? 1 : 0)
                return only == 0 ? transform.pair(sum, isComplement: isPositive) : transform([0, sum])
            }
            let scores = sums.indices.map { (sums[$0] ?? 0) + (base.isEmpty ? 0 : base[$0]) }
            if labels.count == 1 {
                classes.append(scores[0] > 0 ? 0 : nil)
            } else {
                let voted = scores.indices.map { base.isEmpty && sums[$0] == nil ? -.infinity : scores[$0] }
                classes.append(voted.firstOfLargest)
            }
            return transform(scores)
        }
        return [try labels.tensor(classes), scores]
    }
}
