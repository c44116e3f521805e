// TreeEnsemble: decision trees whose leaves vote for targets: the sum (average, least, largest) of each target's votes, then
// post_transform; branches may ask whether a feature is member of a set. New in version 5 of ai.onnx.ml.
// https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html

import LTCore

struct TreeEnsembleOperator: Operator {
    static let schema = OperatorSchema(
        classical: "TreeEnsemble", opsets: 5...5, types: [.float32, .float64, .float16])

    let model: TreeEnsembleModel
    let targets: Int
    let aggregate: TreeEnsembleModel.Aggregate
    let transform: PostTransform

    init(_ node: OperatorNode) throws(LTError) {
        targets = try Window.extent(node.node, "n_targets", from: 1) ?? 1
        model = try TreeEnsembleModel(node.node, targets: targets)
        transform = try PostTransform(node.node, isNumber: true)
        let number = try node.node.int("aggregate_function") ?? 1
        guard let found = TreeEnsembleModel.Aggregate(rawValue: number) else {
            throw LTError(.invalidArgument, "attribute 'aggregate_function' is \(number), expected 0 to 3")
        }
        aggregate = found
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        return [Facts(x.type, [try model.rows(x), targets])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let type = try outline(inputs)[0].type
        let x = try FeatureRows(inputs[0]!)
        let scores = try Tensor.scores(x.rows, targets, as: type) { (row) throws(LTError) in
            transform(try model(x[row], targets: targets, aggregate).map { $0 ?? 0 })
        }
        return [scores]
    }
}
