// QGemm: Gemm of quantised values: with the sum s = Σ (A' − a_zero_point)·(B' − b_zero_point) + C in 32 bits and
// f = alpha · a_scale · b_scale, Y = saturate(round(s · f / y_scale) + y_zero_point), or s · f in float32 without y_scale.
// B's scale and zero point are one number or one per column; C is int32 in the scale f. See Gemm.
// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.QGemm

import LTCore

struct QGemmOperator: Operator {
    static let schema = OperatorSchema(
        "QGemm", domain: "com.microsoft", opsets: 1...1, inputs: 6...9, types: .bytes)

    let gemm: GemmOperator

    init(_ node: OperatorNode) throws(LTError) { gemm = try GemmOperator(OperatorNode(node.node, opset: 13)) }

    /// A, a_scale, a_zero_point, B, b_scale, b_zero_point, C, y_scale, y_zero_point.
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let (a, b) = (try Self.first(inputs), try inputs.required(3, .bytes))
        let c = try inputs.optional(6, [.int32])
        let plain = [a, b, c].map { $0.map { Facts(.float32, $0.dims) } }
        let dims = try gemm.infer(plain)[0].dims
        try inputs.required(1, [.float32]).expectSingle("a_scale")
        try inputs.optional(2, [a.type])?.expectSingle("a_zero_point")
        let columns = Facts(b.type, dims.map { [$0[1]] })
        try inputs.required(4, [.float32]).expectPerChannel("b_scale", columns)
        try inputs.optional(5, [b.type])?.expectPerChannel("b_zero_point", columns)
        guard let scale = try inputs.optional(7, [.float32]) else { return [Facts(.float32, dims)] }
        try scale.expectSingle("y_scale")
        try inputs.optional(8, [a.type])?.expectSingle("y_zero_point")
        return [Facts(a.type, dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let (type, shape) = try outline(inputs)[0]
        func input(_ index: Int) -> Tensor? { index < inputs.count ? inputs[index] : nil }
        func plain(_ tensor: Tensor, _ isTransposed: Bool) throws(LTError) -> Tensor {
            guard isTransposed else { return tensor }
            return try tensor.strided(try Shape(tensor.dims.reversed()), tensor.shape.strides.reversed())
        }
        func zeros(_ index: Int) throws(LTError) -> ([Int32], Shape) {
            guard let zeros = input(index) else { return ([0], .scalar) }
            return (try zeros.zeroPoints(), zeros.shape)
        }
        let (a, b) = (try plain(inputs[0]!, gemm.transA), try plain(inputs[3]!, gemm.transB))
        let bias = try input(6)?.strided(shape, broadcastStrides(input(6)?.dims ?? [], to: shape.dims))
        let addends = try bias?.array(of: Int32.self)
        let first = gemm.alpha * (try inputs[1]!.array(of: Float.self)[0])
        let scales = try inputs[4]!.array(of: Float.self).map { first * $0 }
        let spread = MatMulOperator.spread(a, b, try zeros(2), try zeros(5))
        func products(_ store: (Int, Int32, Float) -> Void) throws(LTError) {
            try MatMulOperator.integerProducts(a, b, spread.rows, spread.columns) { index, _, column, sum in
                store(index, sum &+ (addends?[index] ?? 0), scales[scales.count == 1 ? 0 : column])
            }
        }
        guard let scale = try input(7)?.array(of: Float.self)[0] else {
            let result = try Tensor.output(type, shape)
            let target = result.elements(Float.self)
            try products { target[$0] = Float($1) * $2 }
            return [result]
        }
        let output = try ByteQuantizer(type, zeroPoint: input(8), shape)
        try products { output.store(Float($1) * ($2 / scale), at: $0) }
        return [output.result]
    }
}
