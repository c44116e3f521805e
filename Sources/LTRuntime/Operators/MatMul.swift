// MatMul: Y = A · B over the last two axes; the axes before them broadcast; a vector counts as a row (A) or column (B)
// that the result drops. Opset 9 added integers, 13 bfloat16. https://onnx.ai/onnx/operators/onnx__MatMul.html

import LTCore

struct MatMulOperator: NumberOperator {
    static let schema = OperatorSchema(
        "MatMul", opsets: 1...Opset.latest, inputs: 2...2, types: .reals.union([.int32, .int64, .uint32, .uint64]))

    init(_ node: OperatorNode) throws(LTError) {}

    /// A […, M, K], B […, K, N] → Y […, M, N].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let a = try Self.first(inputs)
        let b = try inputs.required(1, [a.type])
        guard let left = try a.dims("A", ranks: 1...Int.max), let right = try b.dims("B", ranks: 1...Int.max) else {
            return [Facts(a.type, nil)]
        }
        guard agree(left[left.count - 1], right[max(right.count - 2, 0)]) else {
            throw LTError(.shapeMismatch, "A \(left.text) and B \(right.text) do not multiply: inner dimensions differ")
        }
        let batch = try broadcast([Array(left.dropLast(2)), Array(right.dropLast(2))]) ?? []
        let row = left.count > 1 ? [left[left.count - 2]] : []
        let column = right.count > 1 ? [right[right.count - 1]] : []
        return [Facts(a.type, batch + row + column)]
    }

    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (a, b, y) = (inputs[0]!, inputs[1]!, outputs[0])
        let rows = a.shape.rank > 1 ? a.dims[a.shape.rank - 2] : 1
        let depth = a.dims[a.shape.rank - 1]
        let columns = b.shape.rank > 1 ? b.dims[b.shape.rank - 1] : 1
        let target = y.elements(T.self)
        guard target.count > 0 else { return }
        let batch = Array(y.dims.dropLast((a.shape.rank > 1 ? 1 : 0) + (b.shape.rank > 1 ? 1 : 0)))
        let leftStarts = StridedIndices(batch, broadcastStrides(Array(a.dims.dropLast(2)), to: batch))
        let rightStarts = StridedIndices(batch, broadcastStrides(Array(b.dims.dropLast(2)), to: batch))
        for (index, starts) in zip(leftStarts, rightStarts).enumerated() {
            multiply(
                Matrix<T>(a, offset: starts.0 * rows * depth, rowStride: depth, columnStride: 1),
                Matrix<T>(b, offset: starts.1 * depth * columns, rowStride: columns, columnStride: 1),
                rows, columns, depth, into: target.baseAddress.map { $0 + index * rows * columns })
        }
    }
}
