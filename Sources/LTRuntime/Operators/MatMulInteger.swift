// MatMulInteger: the matrix product of 8-bit integers less their zero points (one, or one per row of A or column of B), in
// 32 bits: Y = (A − a_zero_point)·(B − b_zero_point). See MatMul.
// https://onnx.ai/onnx/operators/onnx__MatMulInteger.html

import LTCore

struct MatMulIntegerOperator: Operator {
    static let schema = OperatorSchema("MatMulInteger", opsets: 10...Opset.latest, inputs: 2...4, types: .bytes)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let (a, b) = (try Self.first(inputs), try inputs.required(1, .bytes))
        let dims = try MatMulOperator.output(a, b)
        let zeros = (try inputs.optional(2, [a.type]), try inputs.optional(3, [b.type]))
        try MatMulOperator.check(a, b, zeros.0, zeros.1, "zero point")
        return [Facts(.int32, dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let result = try Tensor.output(.int32, try outputShape(inputs))
        let target = result.elements(Int32.self)
        let (a, b) = (inputs[0]!, inputs[1]!)
        func zeros(_ index: Int) throws(LTError) -> ([Int32], Shape) {
            guard index < inputs.count, let zeros = inputs[index] else { return ([0], .scalar) }
            return (try zeros.zeroPoints(), zeros.shape)
        }
        let (rows, columns) = MatMulOperator.spread(a, b, try zeros(2), try zeros(3))
        try MatMulOperator.integerProducts(a, b, rows, columns) { index, _, _, sum in target[index] = sum }
        return [result]
    }
}
