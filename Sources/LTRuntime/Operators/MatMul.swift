// MatMul: Y = A · B over the last two axes; the axes before them broadcast; a vector counts as a row (A) or column (B)
// that the result drops. Opset 9 added integers, 13 bfloat16. https://onnx.ai/onnx/operators/onnx__MatMul.html

import LTCore

struct MatMulOperator: NumberOperator {
    static let schema = OperatorSchema(
        "MatMul", opsets: 1...Opset.latest, inputs: 2...2, types: .reals.union([.int32, .int64, .uint32, .uint64]))

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let a = try Self.first(inputs)
        return [Facts(a.type, try Self.output(a, try inputs.required(1, [a.type])))]
    }

    /// A […, M, K], B […, K, N] → Y […, M, N].
    static func output(_ a: Facts, _ b: Facts) throws(LTError) -> [Int?]? {
        guard let left = try a.dims("A", ranks: 1...Int.max), let right = try b.dims("B", ranks: 1...Int.max) else {
            return nil
        }
        guard agree(left[left.count - 1], right[max(right.count - 2, 0)]) else {
            throw LTError(.shapeMismatch, "A \(left.text) and B \(right.text) do not multiply: inner dimensions differ")
        }
        let batch = try broadcast([Array(left.dropLast(2)), Array(right.dropLast(2))]) ?? []
        let row = left.count > 1 ? [left[left.count - 2]] : []
        let column = right.count > 1 ? [right[right.count - 1]] : []
        return batch + row + column
    }

    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (a, b) = (inputs[0]!, inputs[1]!)
        let batch = MatrixBatch(a.dims, b.dims)
        let (rows, depth, columns) = (batch.rows, batch.depth, batch.columns)
        let target = outputs[0].elements(T.self)
        guard target.count > 0 else { return }
        for (index, starts) in batch.starts.enumerated() {
            multiply(
                Matrix<T>(a, offset: starts.0 * rows * depth, rowStride: depth, columnStride: 1),
                Matrix<T>(b, offset: starts.1 * depth * columns, rowStride: columns, columnStride: 1),
                rows, columns, depth, into: target.baseAddress.map { $0 + index * rows * columns })
        }
    }
}

/// The matrices of A […, M, K] and B […, K, N] that MatMul multiplies; vectors count as a row and a column.
struct MatrixBatch {
    let rows: Int
    let depth: Int
    let columns: Int
    private let dims: [Int]
    private let left: [Int]
    private let right: [Int]

    /// `infer` has checked that they multiply.
    init(_ a: [Int], _ b: [Int]) {
        rows = a.count > 1 ? a[a.count - 2] : 1
        depth = a[a.count - 1]
        columns = b.count > 1 ? b[b.count - 1] : 1
        let (outer, inner) = (Array(a.dropLast(2)), Array(b.dropLast(2)))
        let padded = (0..<max(outer.count, inner.count)).map { axis in
            let (x, y) = (axis - max(0, inner.count - outer.count), axis - max(0, outer.count - inner.count))
            return x < 0 || outer[x] == 1 ? (y < 0 ? outer[x] : inner[y]) : outer[x]
        }
        dims = padded
        left = broadcastStrides(outer, to: padded)
        right = broadcastStrides(inner, to: padded)
    }

    /// Which matrix of A and of B makes each matrix of Y.
    var starts: Zip2Sequence<StridedIndices, StridedIndices> {
        zip(StridedIndices(dims, left), StridedIndices(dims, right))
    }
}
