// Linear (domain longtail, made by passes): Y = activation(X W + B + Z) over the last axis of X; X [..., K], W [K, N]
// ([N, K] with transB = 1), B [N], Y [..., N], Z of Y's shape.

import LTCore
import LTGraph

/// A matrix product with constant weights, bias, residual and activation.
struct LinearOperator: Operator {
    static let schema = OperatorSchema("Linear", domain: "longtail", opsets: 1...1, inputs: 2...4, types: [.float32])

    let transB: Bool
    let activation: Activation?

    init(_ node: OperatorNode) throws(LTError) {
        transB = try node.node.int("transB") ?? 0 != 0
        activation = try Activation(node.node)
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        for (index, input) in inputs.enumerated() { try input?.expect([.float32], index) }
        guard let x = inputs[0], let w = inputs[1]?.shape, w.rank == 2,
            inputs.count < 3 || inputs[2] == nil || inputs[2]?.shape?.count == w[transB ? 0 : 1]
        else {
            throw LTError(.shapeMismatch, "Linear needs X, weights of known shape [K, N] and a bias [N]")
        }
        guard let dims = x.dims else { return [Facts(.float32, nil)] }
        let depth = w[transB ? 1 : 0]
        guard let last = dims.last, last == nil || last == depth else {
            throw LTError(.shapeMismatch, "X has \(dims.last.flatMap { $0 } ?? 0) columns, weights have \(depth) rows")
        }
        return [Facts(.float32, dims.dropLast() + [w[transB ? 0 : 1]])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let facts = try infer(inputs.map { $0.map { Facts($0) } })
        guard let shape = facts[0].shape, let x = inputs[0], let w = inputs[1] else {
            throw LTError(.shapeMismatch, "Linear needs X and weights")
        }
        let result = try Tensor(.float32, shape)
        let depth = w.dims[transB ? 1 : 0]
        let width = w.dims[transB ? 0 : 1]
        let bias = inputs.count > 2 ? inputs[2]?.elements(Float.self) : nil
        let residual = inputs.count > 3 ? inputs[3] : nil
        guard residual == nil || residual?.shape == shape else {
            throw LTError(.shapeMismatch, "residual has shape \(residual?.shape ?? shape), expected \(shape)")
        }
        let z = residual?.elements(Float.self)
        let (a, b, y) = (x.elements(Float.self), w.elements(Float.self), result.elements(Float.self))
        for index in y.indices {
            let (row, column) = index.quotientAndRemainder(dividingBy: width)
            var sum = Double(bias?[column] ?? 0) + Double(z?[index] ?? 0)
            for k in 0..<depth {
                sum += Double(a[row * depth + k]) * Double(b[transB ? column * depth + k : k * width + column])
            }
            y[index] = activation?(Float(sum)) ?? Float(sum)
        }
        return [result]
    }
}
