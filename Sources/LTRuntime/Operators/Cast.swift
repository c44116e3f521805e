// Cast: X in the element type `to`. Floats to integers truncate and saturate; strings are read and written as numbers.
// Opset 9 added strings, 13 bfloat16, 19 floats of 8 bits and `saturate`, 21 4-bit integers, 23 float4e2m1, 24 float8e8m0
// and its `round_mode`, 25 2-bit integers.
// https://onnx.ai/onnx/operators/onnx__Cast.html

import LTCore

struct CastOperator: Operator {
    static let schema = OperatorSchema("Cast", opsets: 6...Opset.latest, inputs: 1...1, types: .castable)

    let to: ElementType
    let rounding: MiniFloatRounding

    init(_ node: OperatorNode) throws(LTError) {
        guard let number = try node.node.int("to") else { throw LTError(.malformed, "attribute 'to' is missing") }
        guard let type = ElementType(rawValue: Int32(clamping: number)), Set<ElementType>.castable.contains(type) else {
            throw LTError(.unsupported, "attribute 'to' is \(number), expected a number type, bool or string")
        }
        to = type
        rounding = try MiniFloatRounding(node)
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] { [Facts(to, try Self.first(inputs).dims)] }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        return [try inputs[0]!.castWithStrings(to: to, rounding)]
    }
}
