// Matrix: the plain matrix product behind Gemm and MatMul.

import LTCore

/// A matrix within a tensor: element (i, j) lies at i·rowStride + j·columnStride.
struct Matrix<T: Number> {
    let base: UnsafeMutablePointer<T>?
    let rowStride: Int
    let columnStride: Int

    init(_ tensor: Tensor, offset: Int = 0, rowStride: Int, columnStride: Int) {
        base = tensor.elements(T.self).baseAddress.map { $0 + offset }
        self.rowStride = rowStride
        self.columnStride = columnStride
    }
}

/// `target[i, j] = Σ_k a[i, k] · b[k, j]`, row-major; floats add up in double precision, integers wrap around.
func multiply<T: Number>(
    _ a: Matrix<T>, _ b: Matrix<T>, _ rows: Int, _ columns: Int, _ depth: Int, into target: UnsafeMutablePointer<T>?
) {
    guard rows > 0, columns > 0, let target, let left = a.base, let right = b.base else { return }
    if T.elementType.isInteger {
        for i in 0..<rows {
            for j in 0..<columns {
                var sum = T.zero
                for k in 0..<depth {
                    sum = sum.plus(
                        left[i * a.rowStride + k * a.columnStride].times(right[k * b.rowStride + j * b.columnStride]))
                }
                target[i * columns + j] = sum
            }
        }
        return
    }
    // Rows of B are walked in order, so that memory is read as it lies.
    var sums = [Double](repeating: 0, count: columns)
    for i in 0..<rows {
        for j in 0..<columns { sums[j] = 0 }
        for k in 0..<depth {
            let factor = left[i * a.rowStride + k * a.columnStride].double
            let row = right + k * b.rowStride
            for j in 0..<columns { sums[j] += factor * row[j * b.columnStride].double }
        }
        for j in 0..<columns { target[i * columns + j] = T(saturating: sums[j]) }
    }
}
