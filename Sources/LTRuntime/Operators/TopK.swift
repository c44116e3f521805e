// TopK: the K largest (or smallest) elements along axis (default -1) and their positions (int64), in order; of equal ones
// the lower position first. Opset 10 made K an input, 11 added largest, integers and sorted 0, which leaves the order open:
// here it is the same.
// https://onnx.ai/onnx/operators/onnx__TopK.html

import LTCore

struct TopKOperator: NumberOperator {
    static let schema = OperatorSchema(
        "TopK", opsets: 1...Opset.latest, inputs: 1...2, outputs: 2...2, types: .numbers)

    let axis: Int
    /// Before opset 10.
    let k: Int?
    let isLargest: Bool

    init(_ node: OperatorNode) throws(LTError) {
        axis = try node.node.int("axis") ?? -1
        k = node.opset < 10 ? try node.node.int("k") : nil
        isLargest = node.opset >= 11 ? try node.node.int("largest") ?? 1 != 0 : true
        guard k != nil || node.opset >= 10 else { throw LTError(.malformed, "attribute 'k' is missing") }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let count = if let k { k } else { try inputs.required(1, [.int64]).integer("K") }
        guard var dims = x.dims else { return [Facts(x.type, nil), Facts(.int64, nil)] }
        let axis = try position(axis, rank: dims.count)
        if let count, let size = dims[axis] {
            guard count >= 0, count <= size else {
                throw LTError(.invalidArgument, "K is \(count), expected 0 to \(size) for axis \(axis) of \(dims.text)")
            }
        }
        dims[axis] = count
        return [Facts(x.type, dims), Facts(.int64, dims)]
    }

    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        let axis = try position(axis, rank: x.shape.rank)
        let (source, values, indices) = (
            x.elements(T.self), outputs[0].elements(T.self), outputs[1].elements(Int64.self)
        )
        let (lines, kept) = (Lines(x.dims, axis: axis), Lines(outputs[0].dims, axis: axis))
        for line in 0..<(values.count == 0 ? 0 : lines.count) {
            let start = lines.start(line)
            // NaN counts as the largest, so that the order is total.
            let keys = (0..<lines.length).lazy.map { place in
                let key = source[start + place * lines.stride].orderKey
                return isLargest ? ~key : key
            }
            for (number, place) in firstPlaces(kept.length, of: keys).enumerated() {
                values[kept.start(line) + number * kept.stride] = source[start + place * lines.stride]
                indices[kept.start(line) + number * kept.stride] = Int64(place)
            }
        }
    }
}
