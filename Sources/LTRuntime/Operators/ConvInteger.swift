// ConvInteger: the convolution of 8-bit integers less their zero points (one for x, one or one per output channel for w),
// in 32 bits: y[n,m,o] = Σ_{c,k} (x − x_zero_point)·(w − w_zero_point); padding is x's zero point. See Conv.
// https://onnx.ai/onnx/operators/onnx__ConvInteger.html

import LTCore

struct ConvIntegerOperator: Operator {
    static let schema = OperatorSchema("ConvInteger", opsets: 10...Opset.latest, inputs: 2...4, types: .bytes)

    let convolution: ConvOperator

    init(_ node: OperatorNode) throws(LTError) { convolution = try ConvOperator(node) }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let (x, w) = (try Self.first(inputs), try inputs.required(1, .bytes))
        try inputs.optional(2, [x.type])?.expectSingle("x_zero_point")
        try inputs.optional(3, [w.type])?.expectPerChannel("w_zero_point", w)
        return [Facts(.int32, try convolution.output(x, w, bias: nil))]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let result = try Tensor.output(.int32, try outputShape(inputs))
        let target = result.elements(Int32.self)
        let xZero = inputs.count > 2 ? try inputs[2]?.zeroPoints()[0] : nil
        let wZeros = inputs.count > 3 ? try inputs[3]?.zeroPoints() : nil
        try convolution.integerProducts(inputs[0]!, inputs[1]!, xZero: xZero ?? 0, wZeros: wZeros ?? [0]) {
            index, _, sum in target[index] = sum
        }
        return [result]
    }
}
