// QLinearMatMul: the matrix product of quantised values: with the sum s = Σ (a − a_zero_point)·(b − b_zero_point),
// y = saturate(round(s · a_scale · b_scale / y_scale) + y_zero_point), ties to even. Scales and zero points are one number,
// or one per row of a or column of b. Opset 21 added scales of half precision and floats of 8 bits.
// https://onnx.ai/onnx/operators/onnx__QLinearMatMul.html

import LTCore

struct QLinearMatMulOperator: Operator {
    private static let operands = Set<ElementType>.bytes.union([
        .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz,
    ])
    static let schema = OperatorSchema("QLinearMatMul", opsets: 10...Opset.latest, inputs: 8...8, types: operands)

    init(_ node: OperatorNode) throws(LTError) {}

    /// a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point.
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let a = try Self.first(inputs)
        let isFloat = MiniFloat(a.type) != nil
        let others = isFloat ? Self.operands.subtracting(.bytes) : .bytes
        let (b, y) = (try inputs.required(3, others), try inputs.required(7, others))
        let dims = try MatMulOperator.output(a, b)
        let scales = (try inputs.required(1, .scales), try inputs.required(4, .scales))
        try MatMulOperator.check(a, b, scales.0, scales.1, "scale")
        let zeros = (try inputs.required(2, [a.type]), try inputs.required(5, [b.type]))
        try MatMulOperator.check(a, b, zeros.0, zeros.1, "zero point")
        try inputs.required(6, .scales).expectSingle("y_scale")
        try y.expectSingle("y_zero_point")
        return [Facts(y.type, dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let (type, shape) = try outline(inputs)[0]
        let (a, b) = (inputs[0]!, inputs[3]!)
        func floats(_ index: Int) throws(LTError) -> ([Float], Shape) {
            (try inputs[index]!.cast(to: .float32).array(of: Float.self), inputs[index]!.shape)
        }
        let scales = MatMulOperator.spread(a, b, try floats(1), try floats(4))
        let yScale = try floats(6).0[0]
        func multiplier(_ row: Int, _ column: Int) -> Float { scales.rows[row] * scales.columns[column] / yScale }
        guard let format = MiniFloat(type) else {
            let output = try ByteQuantizer(type, zeroPoint: inputs[7]!, shape)
            func zeros(_ index: Int) throws(LTError) -> ([Int32], Shape) {
                (try inputs[index]!.zeroPoints(), inputs[index]!.shape)
            }
            let zeros = MatMulOperator.spread(a, b, try zeros(2), try zeros(5))
            try MatMulOperator.integerProducts(a, b, zeros.rows, zeros.columns) { index, row, column, sum in
                output.store(Float(sum) * multiplier(row, column), at: index)
            }
            return [output.result]
        }
        let codes = try Tensor.output(.uint8, shape)
        let target = codes.elements(UInt8.self)
        let offset = Double(try floats(7).0[0])
        let zeros = MatMulOperator.spread(a, b, try floats(2), try floats(5))
        try MatMulOperator.floatProducts(a, b, zeros.rows, zeros.columns) { index, row, column, sum in
            target[index] = format.code(sum * Double(multiplier(row, column)) + offset)
        }
        return [try codes.coded(as: type)]
    }
}
