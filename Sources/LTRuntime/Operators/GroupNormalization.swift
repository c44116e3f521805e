// GroupNormalization: Y = scale · (X − mean) / √(variance + epsilon) + bias, statistics per image and group of channels.
// New in opset 18 with scale and bias per group; 21 has them per channel and added stash_type (statistics are in double).
// https://onnx.ai/onnx/operators/onnx__GroupNormalization.html

import LTCore

struct GroupNormalizationOperator: RealOperator {
    static let schema = OperatorSchema(
        "GroupNormalization", opsets: 18...Opset.latest, inputs: 3...3, types: .reals)

    let groups: Int
    let epsilon: Float
    /// Before opset 21.
    let scalesGroups: Bool

    init(_ node: OperatorNode) throws(LTError) {
        groups = try node.node.int("num_groups") ?? 0
        guard groups >= 1 else {
            throw LTError(.invalidArgument, "attribute 'num_groups' is \(groups), expected at least 1")
        }
        epsilon = try node.node.float("epsilon") ?? 1e-5
        scalesGroups = node.opset < 21
    }

    /// X [N, C, …]; scale, bias [C] (before opset 21: [num_groups]).
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let dims = try x.dims("X", ranks: 2...Int.max)
        if let dims, let channels = dims[1], channels % groups != 0 {
            throw LTError(.shapeMismatch, "X \(dims.text) has \(channels) channels, expected a multiple of \(groups)")
        }
        for (index, name) in [(1, "scale"), (2, "bias")] {
            let parameter = try inputs.required(index, [x.type])
            let count = scalesGroups ? groups : dims?[1]
            if let found = try parameter.dims(name, ranks: 1...1), !agree(found[0], count) {
                throw LTError(.shapeMismatch, "\(name) has \(found.text) elements, expected \(count ?? 0)")
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
        let row = x.dims[1] / groups * plane
        for number in 0..<x.count / row {
            let range = number * row..<(number + 1) * row
            let (mean, deviation) = moments(source[range], epsilon: epsilon)
            for index in range {
                let place = scalesGroups ? number % groups : index / plane % x.dims[1]
                target[index] = T(
                    (Double(source[index]) - mean) / deviation * Double(scale[place]) + Double(bias[place]))
            }
        }
    }
}
