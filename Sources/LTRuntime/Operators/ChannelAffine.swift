// ChannelAffine (domain longtail, made by passes): Y = activation(X · scale[c] + shift[c]), c on axis 1 of X.

import LTCore
import LTGraph

/// A multiply-add per channel.
struct ChannelAffineOperator: Operator {
    static let schema = OperatorSchema(
        "ChannelAffine", domain: "longtail", opsets: 1...1, inputs: 3...3, types: [.float32])

    let activation: Activation?

    init(_ node: OperatorNode) throws(LTError) { activation = try Activation(node.node) }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        for (index, input) in inputs.enumerated() { try input?.expect([.float32], index) }
        guard let x = inputs[0], let scale = inputs[1]?.shape, scale.count > 0, inputs[2]?.shape == scale else {
            throw LTError(.shapeMismatch, "ChannelAffine needs X, and scale and shift of one known shape")
        }
        if let dims = x.dims {
            guard dims.count >= 2, dims[1] == nil || dims[1] == scale.count else {
                throw LTError(.shapeMismatch, "X has dimensions \(dims), scale has \(scale.count) channels")
            }
        }
        return [Facts(.float32, x.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try infer(inputs.map { $0.map { Facts($0) } })
        guard let x = inputs[0], let scale = inputs[1]?.elements(Float.self),
            let shift = inputs[2]?.elements(Float.self)
        else { throw LTError(.shapeMismatch, "ChannelAffine needs X, scale and shift") }
        let result = try Tensor(.float32, x.shape)
        let (source, target) = (x.elements(Float.self), result.elements(Float.self))
        let inner = x.dims.dropFirst(2).reduce(1, *)
        for index in source.indices {
            let channel = index / inner % scale.count
            let value = source[index] * scale[channel] + shift[channel]
            target[index] = activation?(value) ?? value
        }
        return [result]
    }
}
