// Activation (domain longtail, made by passes): Y = activation(X), for functions that older opsets spell as several nodes.

import LTCore
import LTGraph

/// One elementwise function by its name.
struct ActivationOperator: Operator {
    static let schema = OperatorSchema(
        "Activation", domain: "longtail", opsets: 1...1, inputs: 1...1, types: [.float32])

    let activation: Activation

    init(_ node: OperatorNode) throws(LTError) {
        guard let activation = try Activation(node.node) else {
            throw LTError(.malformed, "attribute 'activation' is missing")
        }
        self.activation = activation
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        guard let x = inputs[0] else { throw LTError(.malformed, "input X is missing") }
        try x.expect([.float32], 0)
        return [Facts(.float32, x.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try infer(inputs.map { $0.map { Facts($0) } })
        guard let x = inputs[0] else { throw LTError(.malformed, "input X is missing") }
        let result = try Tensor(.float32, x.shape)
        let (source, target) = (x.elements(Float.self), result.elements(Float.self))
        for index in source.indices { target[index] = activation(source[index]) }
        return [result]
    }
}
