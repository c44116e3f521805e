// FusedConv (domain longtail, made by passes): Y = activation(Conv(X G, W, B) + Z).
// Attributes: Conv's, activation and activation_params as com.microsoft.FusedConv spells them. Z has Y's shape, G has X's with
// one pixel: [N, C, 1, ...].

import LTCore
import LTGraph

/// A convolution with what follows it.
struct FusedConvOperator: Operator {
    static let schema = OperatorSchema(
        "FusedConv", domain: "longtail", opsets: 1...1, inputs: 2...5, types: [.float32])

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
        var operands = Array(inputs.prefix(3))
        if inputs.count > 4, let gate = inputs[4], let x = inputs[0] { operands[0] = try gated(x, gate) }
        let results = try convolution.run(operands)
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

    /// X with each channel of each image multiplied by its gate.
    private func gated(_ x: Tensor, _ gate: Tensor) throws(LTError) -> Tensor {
        let wanted = try Shape(x.dims.prefix(2) + [Int](repeating: 1, count: max(x.dims.count - 2, 0)))
        guard gate.shape == wanted else {
            throw LTError(.shapeMismatch, "gate has shape \(gate.shape), expected \(wanted)")
        }
        let result = try Tensor(.float32, x.shape)
        let (from, factors, to) = (x.elements(Float.self), gate.elements(Float.self), result.elements(Float.self))
        let inner = x.dims.dropFirst(2).reduce(1, *)
        for index in to.indices { to[index] = from[index] * factors[index / inner] }
        return result
    }
}
