// Scaler: Y = (X − offset) · scale in float32; both are one number, or one per feature of X [N, F] (or X [F]).
// https://onnx.ai/onnx/operators/onnx_aionnxml_Scaler.html

import LTCore

struct ScalerOperator: Operator {
    static let schema = OperatorSchema(classical: "Scaler")

    let offset: [Float]
    let scale: [Float]

    init(_ node: OperatorNode) throws(LTError) {
        offset = try node.node.floats("offset") ?? [0]
        scale = try node.node.floats("scale") ?? [1]
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        guard let dims = x.dims else { return [Facts(.float32, nil)] }
        let features = dims.count == 1 || dims.count == 2 ? dims[dims.count - 1] : nil
        for (name, values) in [("offset", offset), ("scale", scale)] where values.count != 1 {
            guard !values.isEmpty, (1...2).contains(dims.count), agree(features, values.count) else {
                throw LTError(
                    .shapeMismatch,
                    "attribute '\(name)' has \(values.count) values for \(dims.text), expected 1 or one per feature")
            }
        }
        return [Facts(.float32, dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let result = try Tensor.output(.float32, try outputShape(inputs))
        let x = try inputs[0]!.cast(to: .float32)
        let (source, target) = (x.elements(Float.self), result.elements(Float.self))
        for index in source.indices {
            target[index] = (source[index] - offset[index % offset.count]) * scale[index % scale.count]
        }
        return [result]
    }
}
