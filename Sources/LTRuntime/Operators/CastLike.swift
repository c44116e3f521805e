// CastLike: X in the element type of input 1; see Cast. New in opset 15.
// https://onnx.ai/onnx/operators/onnx__CastLike.html

import LTCore

struct CastLikeOperator: Operator {
    static let schema = OperatorSchema("CastLike", opsets: 15...Opset.latest, inputs: 2...2, types: .castable)

    let rounding: MiniFloatRounding

    init(_ node: OperatorNode) throws(LTError) { rounding = try MiniFloatRounding(node) }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        return [Facts(try inputs.required(1, .castable).type, x.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        return [try inputs[0]!.castWithStrings(to: inputs[1]!.type, rounding)]
    }
}
