// Transpose: Y[i_perm0, i_perm1, …] = X[i_0, i_1, …]: axis k of Y is axis perm[k] of X (default: reversed).
// Later opsets only added types.
// https://onnx.ai/onnx/operators/onnx__Transpose.html

import LTCore

struct TransposeOperator: Operator {
    static let schema = OperatorSchema("Transpose", opsets: 1...Opset.latest, inputs: 1...1, types: .all)

    let perm: [Int]?

    init(_ node: OperatorNode) throws(LTError) { perm = try node.node.ints("perm") }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        guard let dims = x.dims else { return [Facts(x.type, perm.map { [Int?](repeating: nil, count: $0.count) })] }
        return [Facts(x.type, try order(dims.count).map { dims[$0] })]
    }

    private func order(_ rank: Int) throws(LTError) -> [Int] {
        let order = perm ?? (0..<rank).reversed()
        guard order.count == rank else {
            throw LTError(.invalidArgument, "attribute 'perm' is \(order), expected each axis of \(rank) once")
        }
        return try positions(order, rank: rank)
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let x = inputs[0]!
        let strides = x.shape.strides
        return [try x.strided(shape, try order(x.shape.rank).map { strides[$0] })]
    }
}
