// GlobalLpPool: the p-norm (Σ |x|^p)^(1/p) of each channel, p 2 unless given; spatial axes become 1. Opset 22 added
// bfloat16. https://onnx.ai/onnx/operators/onnx__GlobalLpPool.html

import LTCore

struct GlobalLpPoolOperator: RealOperator {
    static let schema = OperatorSchema("GlobalLpPool", opsets: 2...Opset.latest, inputs: 1...1, types: .reals)

    let norm: Norm

    init(_ node: OperatorNode) throws(LTError) { norm = try Norm(node.node) }

    /// X [N, C, …] → Y [N, C, 1, …].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        guard let dims = try x.dims("X", ranks: 2...Int.max) else { return [Facts(x.type, nil)] }
        return [Facts(x.type, Array(dims[..<2]) + dims[2...].map { _ in 1 })]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let count = x.dims[2...].reduce(1, *)
        for channel in target.indices { target[channel] = norm.of(source[channel * count..<(channel + 1) * count]) }
    }
}
