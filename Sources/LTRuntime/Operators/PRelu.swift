// PRelu: Y = X where X ≥ 0, slope · X below; slope broadcasts to the shape of X. Opset 9 added integers, 16 bfloat16.
// https://onnx.ai/onnx/operators/onnx__PRelu.html

import LTCore

struct PReluOperator: BinaryOperator {
    static let schema = OperatorSchema(
        "PRelu", opsets: 7...Opset.latest, inputs: 2...2, types: .reals.union([.int32, .int64, .uint32, .uint64]))

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let slope = try inputs.required(1, [x.type])
        if let dims = x.dims { try slope.checkBroadcast("slope", to: dims) }
        return [Facts(x.type, x.dims)]
    }

    func formula<T: Number>(_ a: T, _ b: T) -> T { a < .zero ? b.times(a) : a }
}
