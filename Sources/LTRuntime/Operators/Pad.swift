// Pad: X with elements added (or, with negative pads, dropped) at the begins and ends of its axes. mode constant, reflect
// (about the edge element), edge, and since opset 19 wrap. Attributes before opset 11, inputs from it on; 18 added axes.
// https://onnx.ai/onnx/operators/onnx__Pad.html

import LTCore

struct PadOperator: Operator {
    static let schema = OperatorSchema("Pad", opsets: 2...Opset.latest, inputs: 1...4, types: .all)

    enum Mode: String, Sendable {
        case constant, reflect, edge, wrap
    }

    let mode: Mode
    /// Before opset 11.
    let pads: [Int]?
    let value: Float

    init(_ node: OperatorNode) throws(LTError) {
        let name = try node.node.string("mode") ?? "constant"
        guard let mode = Mode(rawValue: name), mode != .wrap || node.opset >= 19 else {
            throw LTError(.invalidArgument, "attribute 'mode' is '\(name)', expected constant, reflect, edge or wrap")
        }
        self.mode = mode
        pads = node.opset < 11 ? try node.node.ints("pads") : nil
        value = node.opset < 11 ? try node.node.float("value") ?? 0 : 0
        guard pads != nil || node.opset >= 11 else { throw LTError(.malformed, "attribute 'pads' is missing") }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        if let constant = try inputs.like(2), let count = try constant.dims?.product(), count != 1 {
            throw LTError(.shapeMismatch, "constant_value has \(count) elements, expected 1")
        }
        guard let dims = x.dims else { return [Facts(x.type, nil)] }
        guard let amounts = try amounts(inputs, dims.count) else { return [Facts(x.type, try unknownDims(dims.count))] }
        var result: [Int?] = []
        for (axis, dim) in dims.enumerated() {
            guard let dim else {
                result.append(nil)
                continue
            }
            let (begin, end) = amounts[axis]
            let kept = dim + min(begin, 0) + min(end, 0)
            guard dim + begin + end >= 0, mode == .constant || kept > 0 || begin <= 0 && end <= 0 else {
                throw LTError(.shapeMismatch, "pads \(begin), \(end) do not fit axis \(axis) of \(dims.text)")
            }
            result.append(dim + begin + end)
        }
        return [Facts(x.type, result)]
    }

    /// Begin and end of each axis; `nil` when they depend on a value not known yet.
    func amounts(_ inputs: [Facts?], _ rank: Int) throws(LTError) -> [(begin: Int, end: Int)]? {
        var pads = pads
        var axes: [Int] = Array(0..<rank)
        if pads == nil {
            pads = try inputs.required(1, [.int64]).integers("pads")
            if let input = try inputs.optional(3, .indices) {
                guard let values = try input.integers("axes") else { return nil }
                axes = try positions(values, rank: rank)
            }
        }
        guard let pads else { return nil }
        guard pads.count == 2 * axes.count, pads.allSatisfy({ abs(max($0, -Int.max)) <= 1 << 40 }) else {
            throw LTError(
                .shapeMismatch, "pads are \(pads), expected a begin and an end for each of \(axes.count) axes")
        }
        var result = [(begin: Int, end: Int)](repeating: (0, 0), count: rank)
        for (index, axis) in axes.enumerated() { result[axis] = (pads[index], pads[axes.count + index]) }
        return result
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let x = inputs[0]!
        guard shape.count > 0 else { return [try x.picking(shape, from: EmptyCollection())] }
        let amounts = try amounts(inputs.map { $0.map { Facts($0) } }, x.shape.rank) ?? []
        var fill = inputs.count > 2 ? inputs[2] : nil
        if fill == nil, value != 0 { fill = try Tensor(scalar: value).cast(to: x.type) }
        let axes = { (axis: Int, place: Int) in
            // What negative pads drop is not there to be repeated.
            let (begin, end) = amounts[axis]
            let dropped = max(0, -begin)
            let source = source(place - max(0, begin), x.dims[axis] - dropped + min(0, end))
            return source < 0 ? -1 : source + dropped
        }
        return [try x.picking(shape, axes: axes, fill: fill)]
    }

    private func source(_ place: Int, _ size: Int) -> Int {
        if place >= 0 && place < size { return place }
        switch mode {
        case .constant: return -1
        case .edge: return place < 0 ? 0 : size - 1
        case .wrap: return (place % size + size) % size
        case .reflect:
            guard size > 1 else { return 0 }
            let period = 2 * (size - 1)
            let folded = (place % period + period) % period
            return folded < size ? folded : period - folded
        }
    }
}
