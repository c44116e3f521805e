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

    /// X […]; Scale and B broadcast to it.
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let parameters = [try inputs.required(1, [x.type]), try inputs.like(2)]
        guard let dims = try x.dims("X", ranks: 1...Int.max) else {
            return [Facts(x.type, nil), Facts(stashType, nil), Facts(stashType, nil)]
        }
        let axis = try position(axis, rank: dims.count)
        for (name, parameter) in zip(["Scale", "B"], parameters) { try parameter?.checkBroadcast(name, to: dims) }
        let kept = Array(dims[..<axis]) + dims[axis...].map { _ in 1 }
        return [Facts(x.type, dims), Facts(stashType, kept), Facts(stashType, kept)]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        guard x.count > 0 else { return }
        let axis = try position(axis, rank: x.shape.rank)
        let row = x.dims[axis...].reduce(1, *)
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let (means, deviations) = (outputs[1].elements(Float.self), outputs[2].elements(Float.self))
        let scale = inputs[1]!
        let bias = inputs.count > 2 ? inputs[2] : nil
        func places(_ parameter: Tensor) -> StridedIndices.Iterator {
            StridedIndices(x.dims, broadcastStrides(parameter.dims, to: x.dims)).makeIterator()
        }
        var (scalePlaces, biasPlaces) = (places(scale), bias.map(places))
        let (factors, addends) = (scale.elements(T.self), bias?.elements(T.self))
        for number in 0..<x.count / row {
            let range = number * row..<(number + 1) * row
            let (mean, deviation) = moments(source[range], epsilon: epsilon)
            for index in range {
                guard let place = scalePlaces.next() else { return }
                let addend = biasPlaces?.next().flatMap { place in addends.map { Double($0[place]) } } ?? 0
                target[index] = T((Double(source[index]) - mean) / deviation * Double(factors[place]) + addend)
            }
            (means[number], deviations[number]) = (Float(mean), Float(1 / deviation))
        }
    }
}
