// QuantizedConv (domain longtail, made by passes): QLinearConv with what follows it. With the real number
// v = s · x_scale · w_scale, s as of QLinearConv: y = quantised(activation(v)) without z, else
// y = quantised(activation(c + (z − z_zero_point) · z_scale)), where c is v quantised and dequantised by c_scale, c_zero_point.
// Attributes: Conv's, activation and activation_params as com.microsoft.FusedConv spells them. z has y's shape.

import LTCore
import LTGraph

struct QuantizedConvOperator: Operator {
    static let schema = OperatorSchema(
        "QuantizedConv", domain: "longtail", opsets: 1...1, inputs: 8...14, types: .bytes)

    let convolution: QLinearConvOperator
    let activation: Activation?

    init(_ node: OperatorNode) throws(LTError) {
        var plain = node.node
        plain.opType = "QLinearConv"
        plain.domain = ""
        plain.inputs = Array(plain.inputs.prefix(9))
        plain.attributes["activation"] = nil
        plain.attributes["activation_params"] = nil
        convolution = try QLinearConvOperator(OperatorNode(plain, opset: 10))
        activation = try Activation(node.node)
    }

    /// x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, B, z, z_scale, z_zero_point, c_scale,
    /// c_zero_point.
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let outputs = try convolution.infer(Array(inputs.prefix(9)))
        guard let z = try inputs.optional(9, .bytes) else { return outputs }
        try inputs.required(10, [.float32]).expectSingle("z_scale")
        try inputs.required(11, [z.type]).expectSingle("z_zero_point")
        try inputs.required(12, [.float32]).expectSingle("c_scale")
        try inputs.required(13, .bytes).expectSingle("c_zero_point")
        return outputs
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let (type, shape) = try outline(inputs)[0]
        let xScale = try inputs[1]!.array(of: Float.self)[0]
        let scales = try inputs[4]!.array(of: Float.self).map { xScale * $0 }
        let bias = inputs.count > 8 ? try inputs[8]?.array(of: Int32.self) : nil
        var real = try Tensor.output(.float32, shape)
        let sums = real.elements(Float.self)
        try convolution.convolution.integerProducts(
            inputs[0]!, inputs[3]!, xZero: try inputs[2]!.zeroPoints()[0], wZeros: try inputs[5]!.zeroPoints()
        ) { index, channel, sum in
            sums[index] = Float(sum &+ (bias?[channel] ?? 0)) * scales[scales.count == 1 ? 0 : channel]
        }
        if inputs.count > 9, let z = inputs[9] {
            guard z.shape == shape else {
                throw LTError(.shapeMismatch, "z has shape \(z.shape), expected \(shape)")
            }
            let (scale, zero) = (inputs[12]!, inputs[13]!)
            let code = try real.quantized(to: zero.type, scale: scale, zeroPoint: zero)
            real = try code.dequantized(scale: scale, zeroPoint: zero)
            let residual = try z.dequantized(scale: inputs[10]!, zeroPoint: inputs[11]!)
            let (target, other) = (real.elements(Float.self), residual.elements(Float.self))
            for index in target.indices { target[index] += other[index] }
        }
        if let activation {
            let target = real.elements(Float.self)
            for index in target.indices { target[index] = activation(target[index]) }
        }
        return [try real.quantized(to: type, scale: inputs[6]!, zeroPoint: inputs[7]!)]
    }
}
