// TensorScatter: a cache with an update written along axis (default -2) from write_indices[b] (default 0) on, for each
// batch b (axis 0) by itself; mode circular goes on at the begin of the axis. New in opset 24.
// https://onnx.ai/onnx/operators/onnx__TensorScatter.html

import LTCore

struct TensorScatterOperator: Operator {
    static let schema = OperatorSchema("TensorScatter", opsets: 24...Opset.latest, inputs: 2...3, types: .all)

    let axis: Int
    let isCircular: Bool

    init(_ node: OperatorNode) throws(LTError) {
        axis = try node.node.int("axis") ?? -2
        let mode = try node.node.string("mode") ?? "linear"
        guard mode == "linear" || mode == "circular" else {
            throw LTError(.invalidArgument, "attribute 'mode' is '\(mode)', expected linear or circular")
        }
        isCircular = mode == "circular"
    }

    /// past_cache [B, …, S, …], update [B, …, s ≤ S, …], write_indices [B] → present_cache [B, …, S, …].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let cache = try Self.first(inputs)
        let update = try inputs.required(1, [cache.type])
        let places = try inputs.optional(2, [.int64])?.dims("write_indices", ranks: 1...1)
        guard let dims = try cache.dims("past_cache", ranks: 2...Int.max) else { return [Facts(cache.type, nil)] }
        let axis = try position(axis, rank: dims.count)
        guard axis > 0 else { throw LTError(.invalidArgument, "attribute 'axis' names axis 0, the batches") }
        if let places, !agree(places[0], dims[0]) {
            throw LTError(.shapeMismatch, "write_indices are \(places.text), expected one for each of \(dims[0] ?? 0)")
        }
        if let new = try update.dims("update", ranks: dims.count...dims.count) {
            guard dims.indices.allSatisfy({ $0 == axis || agree(dims[$0], new[$0]) }),
                new[axis] ?? 0 <= dims[axis] ?? .max
            else {
                throw LTError(
                    .shapeMismatch, "update \(new.text) does not fit past_cache \(dims.text) along axis \(axis)")
            }
        }
        return [Facts(cache.type, dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        let (cache, update) = (inputs[0]!, inputs[1]!)
        let axis = try position(axis, rank: cache.shape.rank)
        let (size, steps) = (cache.dims[axis], update.dims[axis])
        let places = try (inputs.count > 2 ? inputs[2] : nil)?.integers("write_indices")
        let (run, rows) = (cache.shape.strides[axis], cache.dims[1..<axis].reduce(1, *))
        var starts: [Int] = []
        for batch in 0..<(update.count == 0 ? 0 : cache.dims[0]) {
            var place = places?[batch] ?? 0
            if isCircular { place = (place % size + size) % size }
            guard place >= 0, isCircular || place <= size - steps else {
                throw LTError(
                    .invalidArgument, "\(steps) steps written from \(place) on, expected within 0 to \(size)")
            }
            for row in batch * rows..<(batch + 1) * rows {
                for step in 0..<steps { starts.append((row * size + (place + step) % size) * run) }
            }
        }
        return [try cache.scattering(update, at: starts, length: run)]
    }
}
