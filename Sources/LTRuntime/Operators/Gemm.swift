// Gemm: Y = alpha · A' · B' + beta · C, A' = Aᵀ with transA (B alike); C broadcasts to Y [M, N].
// Opset 9 added integers, 11 made C optional, 13 added bfloat16. https://onnx.ai/onnx/operators/onnx__Gemm.html

import LTCore

struct GemmOperator: NumberOperator {
    static let schema = OperatorSchema(
        "Gemm", opsets: 7...Opset.latest, inputs: 2...3, types: .reals.union([.int32, .int64, .uint32, .uint64]))

    let alpha: Float
    let beta: Float
    let transA: Bool
    let transB: Bool

    init(_ node: OperatorNode) throws(LTError) {
        alpha = try node.node.float("alpha") ?? 1
        beta = try node.node.float("beta") ?? 1
        transA = try node.node.int("transA") ?? 0 != 0
        transB = try node.node.int("transB") ?? 0 != 0
    }

    /// A [M, K] (transA: [K, M]), B [K, N] (transB: [N, K]) → Y [M, N].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let a = try Self.first(inputs)
        let b = try inputs.required(1, [a.type])
        let c = try inputs.like(2)
        let left = try a.dims("A", ranks: 2...2) ?? [nil, nil]
        let right = try b.dims("B", ranks: 2...2) ?? [nil, nil]
        guard agree(left[transA ? 0 : 1], right[transB ? 1 : 0]) else {
            throw LTError(
                .shapeMismatch,
                "A \(left.text)\(transA ? " transposed" : "") and B \(right.text)\(transB ? " transposed" : "") do not multiply"
            )
        }
        let dims = [left[transA ? 1 : 0], right[transB ? 0 : 1]]
        try c?.checkBroadcast("C", to: dims)
        return [Facts(a.type, dims)]
    }

    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (a, b, y) = (inputs[0]!, inputs[1]!, outputs[0])
        let (rows, columns, depth) = (y.dims[0], y.dims[1], a.dims[transA ? 0 : 1])
        let left = Matrix<T>(a, rowStride: transA ? 1 : depth, columnStride: transA ? rows : 1)
        let right = Matrix<T>(b, rowStride: transB ? 1 : columns, columnStride: transB ? depth : 1)
        let target = y.elements(T.self)
        multiply(left, right, rows, columns, depth, into: target.baseAddress)
        let scale = T(saturating: Double(alpha))
        if alpha != 1 {
            for index in target.indices {
                target[index] =
                    T.elementType.isInteger
                    ? T(saturating: target[index].double * Double(alpha)) : target[index].times(scale)
            }
        }
        guard let c = inputs.count > 2 ? inputs[2] : nil, beta != 0 else { return }
        let addend = c.elements(T.self)
        for (index, from) in StridedIndices(y.dims, broadcastStrides(c.dims, to: y.dims)).enumerated() {
            let term = T(saturating: addend[from].double * Double(beta))
            target[index] = target[index].plus(beta == 1 ? addend[from] : term)
        }
    }
}
