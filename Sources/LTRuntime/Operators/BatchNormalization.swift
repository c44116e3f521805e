// BatchNormalization (inference): Y = (X − mean) / √(var + epsilon) · scale + B, per channel (axis 1).
// Opset 9 dropped `spatial`, 14 added training_mode (outputs updated statistics), 15 lets the parameters have another
// float type than X. Training is refused. https://onnx.ai/onnx/operators/onnx__BatchNormalization.html

import LTCore

struct BatchNormalizationOperator: RealOperator {
    static let schema = OperatorSchema(
        "BatchNormalization", opsets: 7...Opset.latest, inputs: 5...5, outputs: 1...5, types: .reals)

    let epsilon: Float

    init(_ node: OperatorNode) throws(LTError) {
        epsilon = try node.node.float("epsilon") ?? 1e-5
        let training = node.opset >= 14 ? try node.node.int("training_mode") ?? 0 : 0
        guard training == 0 else {
            throw LTError(.unsupported, "attribute 'training_mode' is \(training), expected 0 (inference)")
        }
        let spatial = node.opset < 9 ? try node.node.int("spatial") ?? 1 : 1
        guard spatial == 1 else {
            throw LTError(.unsupported, "attribute 'spatial' is \(spatial), expected 1 (statistics per channel)")
        }
        guard node.node.outputs.dropFirst().allSatisfy(\.isEmpty) else {
            throw LTError(
                .unsupported, "\(node.node.outputs.count) outputs, expected 1: statistics are outputs of training only")
        }
    }

    /// X [N, C, …]; scale, B, mean, var [C].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let dims = try x.dims("X", ranks: 1...Int.max)
        let channels = dims.map { $0.count > 1 ? $0[1] : 1 } ?? nil
        for (index, name) in [(1, "scale"), (2, "B"), (3, "input_mean"), (4, "input_var")] {
            let parameter = try inputs.required(index, .reals)
            if let found = try parameter.dims(name, ranks: 1...1), !agree(found[0], channels) {
                throw LTError(.shapeMismatch, "\(name) has \(found.text) elements, X has \(channels ?? 0) channels")
            }
        }
        return [Facts(x.type, dims)]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        var parameters: [[Double]] = []
        for index in 1...4 { parameters.append(try inputs[index]!.cast(to: .float64).array(of: Double.self)) }
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let plane = x.dims.dropFirst(2).reduce(1, *)
        let factors = zip(parameters[0], parameters[3]).map { $0 / ($1 + Double(epsilon)).squareRoot() }
        for index in target.indices {
            let channel = index / plane % factors.count
            target[index] = T(
                (Double(source[index]) - parameters[2][channel]) * factors[channel] + parameters[1][channel])
        }
    }
}
