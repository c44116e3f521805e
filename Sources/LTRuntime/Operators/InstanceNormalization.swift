// InstanceNormalization: Y = scale · (X − mean) / √(variance + epsilon) + B, statistics per image and channel.
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__InstanceNormalization.html

import LTCore

struct InstanceNormalizationOperator: RealOperator {
    static let schema = OperatorSchema(
        "InstanceNormalization", opsets: 6...Opset.latest, inputs: 3...3, types: .reals)

    let epsilon: Float

    init(_ node: OperatorNode) throws(LTError) { epsilon = try node.node.float("epsilon") ?? 1e-5 }

    /// X [N, C, …]; scale, B [C].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let dims = try x.dims("input", ranks: 2...Int.max)
        for (index, name) in [(1, "scale"), (2, "B")] {
            let parameter = try inputs.required(index, [x.type])
            if let found = try parameter.dims(name, ranks: 1...1), let dims, !agree(found[0], dims[1]) {
                throw LTError(.shapeMismatch, "\(name) has \(found.text) elements, input is \(dims.text)")
            }
        }
        return [Facts(x.type, dims)]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        guard x.count > 0 else { return }
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let (scale, bias) = (inputs[1]!.elements(T.self), inputs[2]!.elements(T.self))
        let plane = x.dims[2...].reduce(1, *)
        for row in 0..<x.count / plane {
            let (mean, deviation) = moments(source[row * plane..<(row + 1) * plane], epsilon: epsilon)
            let channel = row % x.dims[1]
            for index in row * plane..<(row + 1) * plane {
                let normal = (Double(source[index]) - mean) / deviation
                target[index] = T(normal * Double(scale[channel]) + Double(bias[channel]))
            }
        }
    }
}
