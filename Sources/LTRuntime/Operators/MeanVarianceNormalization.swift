// MeanVarianceNormalization: Y = (X − mean) / (√variance + 1e-9), statistics over axes (default 0, 2, 3: per channel).
// Opset 13 added bfloat16. https://onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html

import LTCore

struct MeanVarianceNormalizationOperator: RealOperator {
    static let schema = OperatorSchema(
        "MeanVarianceNormalization", opsets: 9...Opset.latest, inputs: 1...1, types: .reals)

    let axes: [Int]

    init(_ node: OperatorNode) throws(LTError) { axes = try node.node.ints("axes") ?? [0, 2, 3] }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        if let dims = x.dims { _ = try positions(axes, rank: dims.count) }
        return [Facts(x.type, x.dims)]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        guard x.count > 0 else { return }
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let groups = AxisGroups(x.shape, axes: try positions(axes, rank: x.shape.rank))
        for start in groups.starts {
            let count = Double(groups.count)
            let mean = groups.offsets.reduce(0.0) { $0 + Double(source[start + $1]) } / count
            let variance =
                groups.offsets.reduce(0.0) {
                    let distance = Double(source[start + $1]) - mean
                    return $0 + distance * distance
                } / count
            let deviation = variance.squareRoot() + 1e-9
            for offset in groups.offsets {
                target[start + offset] = T((Double(source[start + offset]) - mean) / deviation)
            }
        }
    }
}
