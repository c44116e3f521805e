// Det: the determinants of the square matrices in the last two axes, by elimination with partial pivoting, in double
// precision.
// New in opset 11; 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Det.html

import LTCore

struct DetOperator: RealOperator {
    static let schema = OperatorSchema("Det", opsets: 11...Opset.latest, inputs: 1...1, types: .reals)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        guard let dims = try x.dims("X", ranks: 2...Int.max) else { return [Facts(x.type, nil)] }
        guard agree(dims[dims.count - 2], dims[dims.count - 1]) else {
            throw LTError(.shapeMismatch, "X \(dims.text), expected square matrices in the last two axes")
        }
        return [Facts(x.type, dims.dropLast(2))]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let size = x.dims[x.shape.rank - 1]
        var matrix = [Double](repeating: 0, count: size * size)
        for index in target.indices {
            for place in matrix.indices { matrix[place] = source[index * matrix.count + place].double }
            target[index] = T(determinant(&matrix, size))
        }
    }

    /// Eliminates in place.
    private func determinant(_ matrix: inout [Double], _ size: Int) -> Double {
        var product = 1.0
        for column in 0..<size {
            var pivot = column
            for row in column..<size
            where matrix[row * size + column].magnitude > matrix[pivot * size + column].magnitude {
                pivot = row
            }
            let head = matrix[pivot * size + column]
            product *= pivot == column ? head : -head
            guard head != 0 else { return product }
            if pivot != column {
                for k in column..<size { matrix.swapAt(pivot * size + k, column * size + k) }
            }
            for row in column + 1..<max(size, column + 1) {
                let factor = matrix[row * size + column] / head
                guard factor != 0 else { continue }
                for k in column..<size { matrix[row * size + k] -= factor * matrix[column * size + k] }
            }
        }
        return product
    }
}
