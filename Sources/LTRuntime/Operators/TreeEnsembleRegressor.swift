// TreeEnsembleRegressor: decision trees whose leaves vote for targets: the sum (average, least, largest) of each target's
// votes, plus base_values, then post_transform. Version 3 added thresholds and weights in double precision (*_as_tensor),
// 5 made TreeEnsemble of it. https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleRegressor.html

import LTCore

struct TreeEnsembleRegressorOperator: Operator {
    static let schema = OperatorSchema(classical: "TreeEnsembleRegressor")

    let model: TreeEnsembleModel
    let targets: Int
    let aggregate: TreeEnsembleModel.Aggregate
    let base: [Double]
    let transform: PostTransform

    init(_ node: OperatorNode) throws(LTError) {
        targets = try Window.extent(node.node, "n_targets", from: 1) ?? 1
        model = try TreeEnsembleModel(node.node, votes: "target", targets: targets)
        base = try TreeEnsembleModel.numbers(node.node, "base_values") ?? []
        transform = try PostTransform(node.node)
        let (name, names) = (try node.node.string("aggregate_function") ?? "SUM", ["AVERAGE", "SUM", "MIN", "MAX"])
        guard let place = names.firstIndex(of: name), let found = TreeEnsembleModel.Aggregate(rawValue: place) else {
            throw LTError(
                .invalidArgument,
                "attribute 'aggregate_function' is '\(name)', expected \(names.joined(separator: ", "))")
        }
        aggregate = found
        guard base.isEmpty || base.count == targets else {
            throw LTError(.malformed, "\(base.count) base_values for \(targets) targets")
        }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        [Facts(.float32, [try model.rows(try Self.first(inputs)), targets])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        let x = try FeatureRows(inputs[0]!)
        let scores = try Tensor.scores(x.rows, targets) { (row) throws(LTError) in
            let scores = try model(x[row], targets: targets, aggregate)
            return transform(scores.indices.map { (scores[$0] ?? 0) + (base.isEmpty ? 0 : base[$0]) })
        }
        return [scores]
    }
}
