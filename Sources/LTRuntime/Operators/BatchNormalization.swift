// BatchNormalization: Y = (X − mean) / √(var + epsilon) · scale + B, per channel (axis 1). In training mean and variance
// are the batch's, and the running ones come out: running = input · momentum + batch · (1 − momentum).
// Opset 9 dropped `spatial` (0: per element of an image), 14 added training_mode (before it, more than one output meant
// training, with the batch's own statistics as outputs 3 and 4), 15 lets the parameters have other float types than X.
// https://onnx.ai/onnx/operators/onnx__BatchNormalization.html

import LTCore

struct BatchNormalizationOperator: RealOperator {
    static let schema = OperatorSchema(
        "BatchNormalization", opsets: 7...Opset.latest, inputs: 5...5, outputs: 1...5, types: .reals)

    let epsilon: Float
    let momentum: Float
    /// How many statistics come out; 0 out of training.
    let statistics: Int
    let isSpatial: Bool

    init(_ node: OperatorNode) throws(LTError) {
        epsilon = try node.node.float("epsilon") ?? 1e-5
        momentum = try node.node.float("momentum") ?? 0.9
        isSpatial = node.opset < 9 ? try node.node.int("spatial") ?? 1 != 0 : true
        let outputs = node.node.outputs
        if node.opset < 14 {
            statistics = outputs.count > 1 ? 4 : 0
        } else {
            statistics = try node.node.int("training_mode") ?? 0 != 0 ? 2 : 0
            guard outputs.dropFirst(1 + statistics).allSatisfy(\.isEmpty) else {
                throw LTError(
                    .malformed,
                    "\(outputs.count) outputs, expected at most \(1 + statistics): statistics come out of training")
            }
        }
    }

    /// X [N, C, …]; scale, B, mean, var and statistics [C] (spatial 0: [C, …]).
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let dims = try x.dims("X", ranks: 1...Int.max)
        let features =
            isSpatial ? dims.map { $0.count > 1 ? [$0[1]] : [1] } ?? [nil] : dims.map { Array($0.dropFirst()) }
        var types: [ElementType] = []
        for (index, name) in [(1, "scale"), (2, "B"), (3, "input_mean"), (4, "input_var")] {
            let parameter = try inputs.required(index, .reals)
            if let features { try parameter.check(name, features) }
            types.append(parameter.type)
        }
        return [Facts(x.type, dims)] + (0..<statistics).map { Facts(types[2 + $0 % 2], features) }
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        var parameters: [[Double]] = []
        for index in 1...4 { parameters.append(try inputs[index]!.cast(to: .float64).array(of: Double.self)) }
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let plane = isSpatial ? x.dims.dropFirst(2).reduce(1, *) : 1
        let count = parameters[0].count
        var (means, variances) = (parameters[2], parameters[3])
        if statistics > 0 {
            (means, variances) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
            let size = Double(x.count) / Double(count)
            for index in source.indices { means[index / plane % count] += Double(source[index]) / size }
            for index in source.indices {
                let distance = Double(source[index]) - means[index / plane % count]
                variances[index / plane % count] += distance * distance / size
            }
            let kept = Double(momentum)
            func running(_ old: [Double], _ new: [Double]) -> [Double] {
                zip(old, new).map { $0 * kept + $1 * (1 - kept) }
            }
            let results = [running(parameters[2], means), running(parameters[3], variances), means, variances]
            for (output, values) in zip(outputs.dropFirst(), results) { output.fill(values) }
        }
        let factors = zip(parameters[0], variances).map { $0 / ($1 + Double(epsilon)).squareRoot() }
        for index in target.indices {
            let feature = index / plane % count
            target[index] = T((Double(source[index]) - means[feature]) * factors[feature] + parameters[1][feature])
        }
    }
}
