// OneHot: a new axis of length depth (at axis, default last) that is values[1] at the index and values[0] elsewhere;
// an index outside -depth ..< depth gives a line of values[0]. Opset 11 allowed negative indices.
// https://onnx.ai/onnx/operators/onnx__OneHot.html

import LTCore

struct OneHotOperator: Operator {
    static let schema = OperatorSchema("OneHot", opsets: 9...Opset.latest, inputs: 3...3, types: .numbers)

    let axis: Int

    init(_ node: OperatorNode) throws(LTError) { axis = try node.node.int("axis") ?? -1 }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let indices = try Self.first(inputs)
        let depth = try inputs.required(1, .numbers)
        let values = try inputs.required(2)
        if let pair = try values.dims("values", ranks: 1...1), !agree(pair[0], 2) {
            throw LTError(.shapeMismatch, "values have \(pair.text) elements, expected 2: off and on")
        }
        guard var dims = indices.dims else { return [Facts(values.type, nil)] }
        dims.insert(try self.depth(depth), at: try position(axis, rank: dims.count + 1))
        return [Facts(values.type, dims)]
    }

    private func depth(_ facts: Facts) throws(LTError) -> Int? {
        guard let value = facts.value else { return nil }
        guard value.count == 1, let depth = try value.cast(to: .int64).array(of: Int64.self).first, depth >= 1 else {
            throw LTError(.invalidArgument, "depth has shape \(value.shape), expected one number of at least 1")
        }
        return Int(depth)
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let axis = try position(axis, rank: shape.rank)
        let depth = shape[axis]
        let indices = try inputs[0]!.cast(to: .int64).array(of: Int64.self).map { Int($0) }
        let inner = shape.dims[(axis + 1)...].reduce(1, *)
        let sources = (0..<shape.count).lazy.map { place in
            let index = indices[place / (depth * inner) * inner + place % inner]
            return place / inner % depth == (index < 0 ? index &+ depth : index) ? 1 : 0
        }
        return [try inputs[2]!.picking(shape, from: sources)]
    }
}
