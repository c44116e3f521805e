// SVMRegressor: Y = Σ coefficients[j] · kernel(X, support_vectors[j]) + rho, or without n_supports the linear function of
// the coefficients; with one_class its sign (1 or -1). Kernels of kernel_params gamma, coef0, degree: LINEAR x·s, POLY
// (gamma·x·s + coef0)^degree, RBF exp(-gamma·‖x − s‖²), SIGMOID tanh(gamma·x·s + coef0).
// https://onnx.ai/onnx/operators/onnx_aionnxml_SVMRegressor.html

import LTCore

struct SVMRegressorOperator: Operator {
    static let schema = OperatorSchema(classical: "SVMRegressor")

    let model: SupportVectors
    let isOneClass: Bool
    let transform: PostTransform

    init(_ node: OperatorNode) throws(LTError) {
        let count = try Window.extent(node.node, "n_supports", from: 0) ?? 0
        model = try SupportVectors(node.node, count: count, functions: 1)
        isOneClass = try node.node.int("one_class") ?? 0 != 0
        transform = try PostTransform(node.node)
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        [Facts(.float32, [try model.rows(try Self.first(inputs)), 1])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        let x = try FeatureRows(inputs[0]!)
        let scores = try Tensor.scores(x.rows, 1) { row in
            var sum = model.rho[0]
            if model.count == 0 { sum += model(x[row], 0) }
            for index in 0..<model.count { sum += model.coefficients[index] * model(x[row], index) }
            return isOneClass ? [sum > 0 ? 1 : -1] : transform([sum])
        }
        return [scores]
    }
}
