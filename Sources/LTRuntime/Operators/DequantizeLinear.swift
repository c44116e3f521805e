// DequantizeLinear: y = (x − x_zero_point) · x_scale, in the scale's type. Opset 13 added one scale per place of `axis`,
// 19 floats of 8 bits, 21 blocks (`block_size`), 16 and 4 bits, 23 `output_dtype` and float4e2m1, 25 2 bits.
// https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html

import LTCore

struct DequantizeLinearOperator: Operator {
    static let schema = OperatorSchema(
        "DequantizeLinear", opsets: 10...Opset.latest, inputs: 2...3, types: .quantized.union([.int32]))

    let spread: QuantizationSpread
    let output: ElementType?

    init(_ node: OperatorNode) throws(LTError) {
        spread = try QuantizationSpread(node)
        output = node.opset >= 23 ? try ElementType(node.node, "output_dtype", among: .scales) : nil
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let scale = try inputs.required(1, output == nil ? .scales : .scales.union([.float8e8m0]))
        try spread.check(x, scale: scale, zeroPoint: try inputs.optional(2, [x.type]))
        return [Facts(output ?? scale.type, x.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let type = try outline(inputs)[0].type
        let zeroPoint = inputs.count > 2 ? inputs[2] : nil
        return [try inputs[0]!.dequantized(as: type, scale: inputs[1]!, zeroPoint: zeroPoint, spread)]
    }
}
