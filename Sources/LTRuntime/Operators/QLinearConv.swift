// QLinearConv: the convolution of quantised values: with the sum s = Σ (x − x_zero_point)·(w − w_zero_point) + B in 32 bits,
// y = saturate(round(s · x_scale · w_scale / y_scale) + y_zero_point), ties to even. w's scale and zero point are one
// number or one per output channel; B is int32 in the scale x_scale · w_scale. See Conv.
// https://onnx.ai/onnx/operators/onnx__QLinearConv.html

import LTCore

struct QLinearConvOperator: Operator {
    static let schema = OperatorSchema("QLinearConv", opsets: 10...Opset.latest, inputs: 8...9, types: .bytes)

    let convolution: ConvOperator

    init(_ node: OperatorNode) throws(LTError) { convolution = try ConvOperator(node) }

    /// x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, B.
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let (x, w) = (try Self.first(inputs), try inputs.required(3, .bytes))
        let y = try inputs.required(7, .bytes)
        for (index, name) in [(1, "x_scale"), (6, "y_scale")] {
            try inputs.required(index, [.float32]).expectSingle(name)
        }
        try inputs.required(2, [x.type]).expectSingle("x_zero_point")
        try y.expectSingle("y_zero_point")
        try inputs.required(4, [.float32]).expectPerChannel("w_scale", w)
        try inputs.required(5, [w.type]).expectPerChannel("w_zero_point", w)
        return [Facts(y.type, try convolution.output(x, w, bias: try inputs.optional(8, [.int32])))]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let (type, shape) = try outline(inputs)[0]
        let (xScale, yScale) = (try inputs[1]!.array(of: Float.self)[0], try inputs[6]!.array(of: Float.self)[0])
        let scales = try inputs[4]!.array(of: Float.self).map { xScale * $0 / yScale }
        let bias = inputs.count > 8 ? try inputs[8]?.array(of: Int32.self) : nil
        let output = try ByteQuantizer(type, zeroPoint: inputs[7]!, shape)
        try convolution.integerProducts(
            inputs[0]!, inputs[3]!, xZero: try inputs[2]!.zeroPoints()[0], wZeros: try inputs[5]!.zeroPoints()
        ) { index, channel, sum in
            let scale = scales[scales.count == 1 ? 0 : channel]
            output.store(Float(sum &+ (bias?[channel] ?? 0)) * scale, at: index)
        }
        return [output.result]
    }
}
