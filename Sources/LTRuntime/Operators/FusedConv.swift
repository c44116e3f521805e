// FusedConv (domain longtail, made by passes): Y = activation(Conv(X, W, B) + Z).
// Attributes: Conv's, activation and activation_params as com.microsoft.FusedConv spells them. Z has Y's shape.

import LTCore
import LTGraph

/// A convolution with what follows it.
struct FusedConvOperator: Operator {
    static let schema = OperatorSchema(
        "FusedConv", domain: "longtail", opsets: 1...1, inputs: 2...4, types: [.float32])

    let convolution: ConvOperator
    let activation: Activation?

    init(_ node: OperatorNode) throws(LTError) {
        var plain = node.node
        plain.opType = "Conv"
        plain.domain = ""
        plain.inputs = Array(plain.inputs.prefix(3))
        plain.attributes["activation"] = nil
        plain.attributes["activation_params"] = nil
        convolution = try ConvOperator(OperatorNode(plain, opset: 11))
        activation = try Activation(node.node)
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        for (index, input) in inputs.enumerated() { try input?.expect([.float32], index) }
        return try convolution.infer(Array(inputs.prefix(3)))
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try infer(inputs.map { $0.map { Facts($0) } })
        let results = try convolution.run(Array(inputs.prefix(3)))
        let output = results[0].elements(Float.self)
        if inputs.count > 3, let residual = inputs[3] {
            guard residual.shape == results[0].shape else {
                throw LTError(.shapeMismatch, "residual has shape \(residual.shape), expected \(results[0].shape)")
            }
            let other = residual.elements(Float.self)
            for index in output.indices { output[index] += other[index] }
        }
        if let activation { for index in output.indices { output[index] = activation(output[index]) } }
        return results
    }
}
