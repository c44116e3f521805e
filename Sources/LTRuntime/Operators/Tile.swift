// Tile: X repeated repeats[k] times along axis k. Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Tile.html

import LTCore

struct TileOperator: ViewOperator {
    static let schema = OperatorSchema("Tile", opsets: 6...Opset.latest, inputs: 2...2, types: .all)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let repeats = try inputs.required(1, [.int64])
        _ = try repeats.dims("repeats", ranks: 1...1)
        guard let dims = x.dims else { return [Facts(x.type, nil)] }
        guard let counts = try repeats.integers("repeats") else { return [Facts(x.type, try unknownDims(dims.count))] }
        guard counts.count == dims.count, counts.allSatisfy({ $0 >= 0 }) else {
            throw LTError(.shapeMismatch, "repeats are \(counts), expected \(dims.count) counts of at least 0")
        }
        var result: [Int?] = []
        for (dim, count) in zip(dims, counts) {
            guard let dim else {
                result.append(nil)
                continue
            }
            result.append(try Shape([try Shape([dim, count]).count]).count)
        }
        return [Facts(x.type, result)]
    }

    /// A repetition is an axis of stride 0 before the axis it repeats.
    func views(_ inputs: [Facts?]) throws(LTError) -> [StridedIndices]? {
        guard let x = inputs[0]?.shape, let y = try infer(inputs)[0].shape else { return nil }
        if y.count == 0 { return [StridedIndices([0], [0])] }
        let dims = zip(x.dims, y.dims).flatMap { [$1 / $0, $0] }
        return [StridedIndices(dims, x.strides.flatMap { [0, $0] })]
    }
}
