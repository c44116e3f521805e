// AffineGrid: for each element of an output of `size` [N, C, H, W] or [N, C, D, H, W] the place theta · (x, y, (z,) 1) to
// sample from, with coordinates from -1 to 1 at the outer elements' centres (align_corners) or outer edges.
// New in opset 20. https://onnx.ai/onnx/operators/onnx__AffineGrid.html

import LTCore

struct AffineGridOperator: RealOperator {
    static let schema = OperatorSchema("AffineGrid", opsets: 20...Opset.latest, inputs: 2...2, types: .reals)

    let alignsCorners: Bool

    init(_ node: OperatorNode) throws(LTError) { alignsCorners = try node.node.int("align_corners") ?? 0 != 0 }

    /// theta [N, 2, 3] or [N, 3, 4] → grid [N, H, W, 2] or [N, D, H, W, 3].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let theta = try Self.first(inputs)
        let dims = try theta.dims("theta", ranks: 3...3)
        let size = try inputs.required(1, [.int64])
        let length = try size.dims("size", ranks: 1...1)?[0] ?? dims?[1].map { $0 + 2 }
        if let length {
            guard length == 4 || length == 5 else {
                throw LTError(.shapeMismatch, "size has \(length) elements, expected 4 or 5")
            }
            if let dims, !agree(dims[1], length - 2) || !agree(dims[2], length - 1) {
                throw LTError(
                    .shapeMismatch,
                    "theta is \(dims.text), expected [?,\(length - 2),\(length - 1)] for \(length) sizes")
            }
        }
        guard let extents = try size.integers("size") else {
            return [Facts(theta.type, length.map { [Int?](repeating: nil, count: $0 - 1) + [$0 - 2] })]
        }
        guard extents.allSatisfy({ $0 >= 0 }), agree(dims?[0], extents[0]) else {
            throw LTError(.shapeMismatch, "size is \(extents), theta \(dims?.text ?? "?"), expected one for each batch")
        }
        return [Facts(theta.type, [extents[0]] + extents[2...] + [extents.count - 2])]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let theta = inputs[0]!.elements(T.self)
        let grid = outputs[0].elements(T.self)
        let extents = Array(outputs[0].dims.dropFirst().dropLast())
        let rank = extents.count
        let count = extents.reduce(1, *)
        var point = [Double](repeating: 1, count: rank + 1)
        for index in 0..<(grid.count == 0 ? 0 : grid.count / rank) {
            var rest = index % count
            for (axis, extent) in extents.reversed().enumerated() {
                point[axis] = coordinate(rest % extent, extent)
                rest /= extent
            }
            let matrix = index / count * rank * (rank + 1)
            for row in 0..<rank {
                let sum = point.indices.reduce(0.0) { $0 + Double(theta[matrix + row * (rank + 1) + $1]) * point[$1] }
                grid[index * rank + row] = T(sum)
            }
        }
    }

    private func coordinate(_ place: Int, _ extent: Int) -> Double {
        if alignsCorners { return extent > 1 ? 2 * Double(place) / Double(extent - 1) - 1 : 0 }
        return (2 * Double(place) + 1) / Double(extent) - 1
    }
}
