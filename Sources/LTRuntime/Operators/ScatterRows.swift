// ScatterRows (domain longtail, made by passes): ScatterElements on axis 0 with one index for a whole row: data [D, …], indices
// [n, 1, …], updates [n, …]. Row k of updates goes to row indices[k] of a copy of data.

import LTCore
import LTGraph

struct ScatterRowsOperator: OverwritingOperator {
    static let schema = OperatorSchema(
        "ScatterRows", domain: "longtail", opsets: 1...1, inputs: 3...3, types: .all)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let data = try Self.first(inputs)
        _ = try inputs.required(1, .indices)
        let updates = try inputs.required(2, [data.type])
        if let dims = data.dims, let rows = updates.dims, dims.isEmpty || dims.count != rows.count {
            throw LTError(.shapeMismatch, "updates have shape \(rows.text), data \(dims.text), expected as many axes")
        }
        return [Facts(data.type, data.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try infer(inputs.map { $0.map { Facts($0) } })
        let (data, indices, updates) = (inputs[0]!, inputs[1]!, inputs[2]!)
        guard fits(data, indices, updates) else {
            let strides =
                indices.count == 1
                ? [Int](repeating: 0, count: updates.shape.rank)
                : [1]
                    + [Int](repeating: 0, count: updates.shape.rank - 1)
            guard indices.count == 1 || indices.count == updates.dims[0] else {
                throw LTError(.shapeMismatch, "\(indices.count) indices, expected \(updates.dims[0])")
            }
            let wide = try indices.strided(updates.shape, StridedIndices(updates.dims, strides))
            let node = OperatorNode(Node("ScatterElements", inputs: ["", "", ""], outputs: [""]), opset: Opset.latest)
            return try ScatterElementsOperator(node).run([data, wide, updates])
        }
        let result = try Tensor.output(data.type, data.shape)
        result.rawPointer.copyMemory(from: data.rawPointer, byteCount: data.byteCount)
        return try run(overwriting: result, [indices, updates])
    }

    /// Whether rows of updates are whole rows of data, which may be copied.
    private func fits(_ data: Tensor, _ indices: Tensor, _ updates: Tensor) -> Bool {
        data.type != .string && data.type.bits >= 8 && data.dims.dropFirst() == updates.dims.dropFirst()
            && indices.count == updates.dims[0]
    }

    func run(overwriting data: Tensor, _ others: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try infer(([data] + others).map { $0.map { Facts($0) } })
        let (indices, updates) = (others[0]!, others[1]!)
        guard fits(data, indices, updates) else { return try run([data, indices, updates]) }
        let places = try indices.integers("indices").checked(size: data.dims[0])
        guard let count = data.dims.first, count > 0 else { return [data] }
        let row = data.byteCount / count
        for (index, place) in places.enumerated() {
            (data.rawPointer + place * row).copyMemory(from: updates.rawPointer + index * row, byteCount: row)
        }
        return [data]
    }
}
