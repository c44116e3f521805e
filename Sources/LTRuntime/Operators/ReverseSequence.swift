// ReverseSequence: the first sequence_lens[b] steps of each sequence b in reverse, the rest as it was; batch_axis (default
// 1) and time_axis (default 0) are the first two axes. New in opset 10.
// https://onnx.ai/onnx/operators/onnx__ReverseSequence.html

import LTCore

struct ReverseSequenceOperator: Operator {
    static let schema = OperatorSchema("ReverseSequence", opsets: 10...Opset.latest, inputs: 2...2, types: .all)

    let batchAxis: Int
    var timeAxis: Int { 1 - batchAxis }

    init(_ node: OperatorNode) throws(LTError) {
        let (batch, time) = (try node.node.int("batch_axis") ?? 1, try node.node.int("time_axis") ?? 0)
        guard (batch, time) == (0, 1) || (batch, time) == (1, 0) else {
            throw LTError(
                .invalidArgument, "attributes 'batch_axis' and 'time_axis' are \(batch) and \(time), expected 0 and 1")
        }
        batchAxis = batch
    }

    /// X [time, batch, …] or [batch, time, …], sequence_lens [batch] → Y like X.
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let lengths = try inputs.required(1, [.int64]).dims("sequence_lens", ranks: 1...1)
        if let dims = try x.dims("X", ranks: 2...Int.max), let lengths, !agree(lengths[0], dims[batchAxis]) {
            throw LTError(
                .shapeMismatch,
                "sequence_lens are \(lengths.text), expected one for each on axis \(batchAxis) of \(dims.text)")
        }
        return [Facts(x.type, x.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let x = inputs[0]!
        let lengths = try inputs[1]!.integers("sequence_lens")
        for length in lengths where length < 0 || length > shape[timeAxis] {
            throw LTError(.invalidArgument, "sequence of \(length) steps, expected 0 to \(shape[timeAxis])")
        }
        let strides = x.shape.strides
        var starts: [Int] = []
        for first in 0..<(shape.count == 0 ? 0 : shape[0]) {
            for second in 0..<shape[1] {
                let (batch, time) = batchAxis == 0 ? (first, second) : (second, first)
                let source = time < lengths[batch] ? lengths[batch] - 1 - time : time
                starts.append(batch * strides[batchAxis] + source * strides[timeAxis])
            }
        }
        return [try x.picking(shape, runs: starts)]
    }
}
