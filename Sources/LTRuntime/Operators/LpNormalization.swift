// LpNormalization: Y = X / ‖X‖p along axis (default -1), p = 1 or 2 (default); NaN where the norm is 0.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__LpNormalization.html

import LTCore

struct LpNormalizationOperator: RealOperator {
    static let schema = OperatorSchema(
        "LpNormalization", opsets: 1...Opset.latest, inputs: 1...1, types: .reals)

    let axis: Int
    let p: Int

    init(_ node: OperatorNode) throws(LTError) {
        axis = try node.node.int("axis") ?? -1
        p = try node.node.int("p") ?? 2
        guard p == 1 || p == 2 else { throw LTError(.invalidArgument, "attribute 'p' is \(p), expected 1 or 2") }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        if let dims = x.dims { _ = try position(axis, rank: dims.count) }
        return [Facts(x.type, x.dims)]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let lines = Lines(x.dims, axis: try position(axis, rank: x.shape.rank))
        for line in 0..<(x.count == 0 ? 0 : lines.count) {
            let start = lines.start(line)
            let indices = stride(from: start, to: start + lines.length * lines.stride, by: lines.stride)
            let sum = indices.reduce(0.0) {
                let value = Double(source[$1])
                return $0 + (p == 1 ? value.magnitude : value * value)
            }
            let norm = p == 1 ? sum : sum.squareRoot()
            for index in indices { target[index] = T(Double(source[index]) / norm) }
        }
    }
}
