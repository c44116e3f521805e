// QuantizeLinear: y = saturate(round(x / y_scale) + y_zero_point), ties to even, in the zero point's type (default uint8).
// Opset 13 added one scale per place of `axis`, 19 floats of 8 bits and `saturate`, 21 blocks (`block_size`), 16 and
// 4 bits and `output_dtype`, 23 `precision` and float4e2m1, 25 2 bits.
// https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html

import LTCore

struct QuantizeLinearOperator: Operator {
    static let schema = OperatorSchema(
        "QuantizeLinear", opsets: 10...Opset.latest, inputs: 2...3,
        types: [.float32, .float16, .bfloat16, .int32])

    let spread: QuantizationSpread
    let rounding: MiniFloatRounding
    let output: ElementType?
    let precision: ElementType

    init(_ node: OperatorNode) throws(LTError) {
        spread = try QuantizationSpread(node)
        rounding = MiniFloatRounding(saturates: node.opset >= 19 ? try node.node.int("saturate") ?? 1 != 0 : true)
        output = node.opset >= 21 ? try ElementType(node.node, "output_dtype", among: .quantized) : nil
        let stated = node.opset >= 23 ? try ElementType(node.node, "precision", among: .scales) : nil
        precision = stated ?? .float32
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let scale = try inputs.required(1, [.float32, .float16, .bfloat16, .int32, .float8e8m0])
        let zeroPoint = try inputs.optional(2, output.map { [$0] } ?? .quantized)
        try spread.check(x, scale: scale, zeroPoint: zeroPoint)
        return [Facts(zeroPoint?.type ?? output ?? .uint8, x.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let type = try outline(inputs)[0].type
        let zeroPoint = inputs.count > 2 ? inputs[2] : nil
        return [
            try inputs[0]!.quantized(
                to: type, scale: inputs[1]!, zeroPoint: zeroPoint, spread, precision: precision, rounding)
        ]
    }
}
