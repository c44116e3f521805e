// Transpose: Y[i_perm0, i_perm1, …] = X[i_0, i_1, …]: axis k of Y is axis perm[k] of X (default: reversed).
// Later opsets only added types.
// https://onnx.ai/onnx/operators/onnx__Transpose.html

import LTCore

struct TransposeOperator: ViewOperator {
    static let schema = OperatorSchema("Transpose", opsets: 1...Opset.latest, inputs: 1...1, types: .all)

    let perm: [Int]?

    init(_ node: OperatorNode) throws(LTError) { perm = try node.node.ints("perm") }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        guard let dims = x.dims else { return [Facts(x.type, perm.map { [Int?](repeating: nil, count: $0.count) })] }
        return [Facts(x.type, try order(dims.count).map { dims[$0] })]
    }

    /// The axis of X that each axis of Y is.
    func order(_ rank: Int) throws(LTError) -> [Int] {
        let order = perm ?? (0..<rank).reversed()
        guard order.count == rank else {
            throw LTError(.invalidArgument, "attribute 'perm' is \(order), expected each axis of \(rank) once")
        }
        return try positions(order, rank: rank)
    }

    func views(_ inputs: [Facts?]) throws(LTError) -> [StridedIndices]? {
        guard let x = inputs[0]?.shape else { return nil }
        let order = try order(x.rank)
        let strides = x.strides
        return [StridedIndices(order.map { x[$0] }, order.map { strides[$0] })]
    }
}
