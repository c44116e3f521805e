// RMSNormalization: Y = X / √(mean(X²) + epsilon) · scale, the mean over the axes from axis (default -1) on; scale
// broadcasts to X and gives Y its type. stash_type asks for at least float32: sums are in double. New in opset 23.
// https://onnx.ai/onnx/operators/onnx__RMSNormalization.html

import LTCore

struct RMSNormalizationOperator: RealOperator {
    static let schema = OperatorSchema(
        "RMSNormalization", opsets: 23...Opset.latest, inputs: 2...2, types: .reals)

    let axis: Int
    let epsilon: Float

    init(_ node: OperatorNode) throws(LTError) {
        axis = try node.node.int("axis") ?? -1
        epsilon = try node.node.float("epsilon") ?? 1e-5
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let scale = try inputs.required(1, .reals)
        if let dims = x.dims {
            _ = try position(axis, rank: dims.count)
            try scale.checkBroadcast("scale", to: dims)
        }
        return [Facts(scale.type, x.dims)]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        if outputs[0].type == .float64 {
            try normalise(T.self, Double.self, inputs[0]!, inputs[1]!, outputs[0])
        } else {
            try normalise(T.self, Float.self, inputs[0]!, inputs[1]!, outputs[0])
        }
    }

    private func normalise<T: Real, V: Real>(
        _: T.Type, _: V.Type, _ x: Tensor, _ scale: Tensor, _ y: Tensor
    ) throws(LTError) {
        guard x.count > 0 else { return }
        let (source, factors, target) = (x.elements(T.self), scale.elements(V.self), y.elements(V.self))
        let row = x.dims[try position(axis, rank: x.shape.rank)...].reduce(1, *)
        var places = StridedIndices(x.dims, broadcastStrides(scale.dims, to: x.dims)).makeIterator()
        for start in stride(from: 0, to: x.count, by: row) {
            let square = source[start..<start + row].reduce(0.0) { $0 + Double($1) * Double($1) } / Double(row)
            let root = (square + Double(epsilon)).squareRoot()
            for index in start..<start + row {
                guard let place = places.next() else { return }
                target[index] = V(Double(T(Double(source[index]) / root)) * Double(factors[place]))
            }
        }
    }
}
