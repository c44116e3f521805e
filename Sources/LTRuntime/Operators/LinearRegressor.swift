// LinearRegressor: Y = X · coefficientsᵀ + intercepts for `targets` rows of coefficients, then post_transform.
// https://onnx.ai/onnx/operators/onnx_aionnxml_LinearRegressor.html

import LTCore

struct LinearRegressorOperator: Operator {
    static let schema = OperatorSchema(classical: "LinearRegressor")

    let model: LinearModel
    let transform: PostTransform

    init(_ node: OperatorNode) throws(LTError) {
        let targets = try Window.extent(node.node, "targets", from: 1) ?? 1
        model = try LinearModel(node.node, targets: targets)
        transform = try PostTransform(node.node)
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        [Facts(.float32, [try model.rows(try Self.first(inputs)), model.targets])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        let x = try FeatureRows(inputs[0]!)
        return [try Tensor.scores(x.rows, model.targets) { transform(model(x[$0])) }]
    }
}
