// LayerNormalization: Y = (X − mean) / √(variance + epsilon) · Scale + B, statistics over the axes from axis (default -1) on.
// Outputs 1 and 2: mean and 1/√(variance + epsilon), in stash_type. New in opset 17.
// https://onnx.ai/onnx/operators/onnx__LayerNormalization.html

import LTCore

struct LayerNormalizationOperator: RealOperator {
    static let schema = OperatorSchema(
        "LayerNormalization", opsets: 17...Opset.latest, inputs: 2...3, outputs: 1...3, types: .reals)

    let axis: Int
    let epsilon: Float
    let stashType: ElementType

    init(_ node: OperatorNode) throws(LTError) {
        axis = try node.node.int("axis") ?? -1
        epsilon = try node.node.float("epsilon") ?? 1e-5
        let stash = try node.node.int("stash_type") ?? 1
        guard stash == 1 || stash == 16 else {
            throw LTError(.invalidArgument, "attribute 'stash_type' is \(stash), expected 1 (float) or 16 (bfloat16)")
        }
        stashType = stash == 1 ? .float32 : .bfloat16
    }

    /// X […]; Scale and B broadcast to the normalised axes.
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let parameters = [try inputs.required(1, [x.type]), try inputs.like(2)]
        guard let dims = try x.dims("X", ranks: 1...Int.max) else {
            return [Facts(x.type, nil), Facts(stashType, nil), Facts(stashType, nil)]
        }
        let axis = try position(axis, rank: dims.count)
        let normal = Array(dims[axis...])
        for parameter in parameters {
            guard let own = parameter?.dims, let sum = try broadcast([normal, own]) else { continue }
            guard sum.count == normal.count, zip(sum, normal).allSatisfy({ agree($0, $1) }) else {
                throw LTError(.shapeMismatch, "Scale or B \(own.text) does not broadcast to \(normal.text)")
            }
        }
        let kept = Array(dims[..<axis]) + normal.map { _ in 1 }
        return [Facts(x.type, dims), Facts(stashType, kept), Facts(stashType, kept)]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        guard x.count > 0 else { return }
        let axis = try position(axis, rank: x.shape.rank)
        let normal = Array(x.dims[axis...])
        let row = normal.reduce(1, *)
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let (means, deviations) = (outputs[1].elements(Float.self), outputs[2].elements(Float.self))
        func parameter(_ index: Int) -> [Double]? {
            guard inputs.count > index, let tensor = inputs[index] else { return nil }
            let values = tensor.elements(T.self)
            return StridedIndices(normal, broadcastStrides(tensor.dims, to: normal)).map { Double(values[$0]) }
        }
        let (scale, bias) = (parameter(1), parameter(2))
        for number in 0..<x.count / row {
            let range = number * row..<(number + 1) * row
            let (mean, deviation) = moments(source[range], epsilon: epsilon)
            for (place, index) in range.enumerated() {
                let value = (Double(source[index]) - mean) / deviation
                target[index] = T(value * (scale?[place] ?? 1) + (bias?[place] ?? 0))
            }
            (means[number], deviations[number]) = (Float(mean), Float(1 / deviation))
        }
    }
}
