// DequantizingOperator: operators of ONNX Runtime's domain com.microsoft that quantisation tools write into their QOperator
// format: an ordinary operator between dequantised inputs and a quantised output. Every quantised value is followed by its
// scale and zero point (absent: 0), each one number.
// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md

import LTCore
import LTGraph

protocol DequantizingOperator: Operator {
    /// What happens to the dequantised values.
    var core: any Operator { get }
    /// Where the quantised values are among `count` inputs.
    static func values(_ count: Int) -> [Int]
    /// Where the output's scale is.
    static var scale: Int { get }
}

extension DequantizingOperator {
    /// One value, then the output's scale and zero point: X, X_scale, X_zero_point, Y_scale, Y_zero_point.
    static func values(_ count: Int) -> [Int] { [0] }
    static var scale: Int { 3 }

    /// The schema of an operator on int8 or uint8.
    static func quantized(_ name: String, inputs: ClosedRange<Int>) -> OperatorSchema {
        OperatorSchema(name, domain: "com.microsoft", opsets: 1...1, inputs: inputs, types: .bytes)
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        var (type, plain): (ElementType?, [Facts?]) = (nil, [])
        for index in Self.values(inputs.count) {
            let value = try inputs.required(index, type.map { [$0] } ?? .bytes)
            type = value.type
            try inputs.required(index + 1, [.float32]).expectSingle("the scale of input \(index)")
            try inputs.optional(index + 2, [value.type])?.expectSingle("the zero point of input \(index)")
            plain.append(Facts(.float32, value.dims))
        }
        guard let type else { throw LTError(.malformed, "no input, expected at least one") }
        try inputs.required(Self.scale, [.float32]).expectSingle("the output's scale")
        try inputs.optional(Self.scale + 1, [type])?.expectSingle("the output's zero point")
        return [Facts(type, try core.infer(plain)[0].dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let type = try outline(inputs)[0].type
        func zeroPoint(_ index: Int) -> Tensor? { index < inputs.count ? inputs[index] : nil }
        var plain: [Tensor?] = []
        for index in Self.values(inputs.count) {
            plain.append(try inputs[index]!.dequantized(scale: inputs[index + 1]!, zeroPoint: zeroPoint(index + 2)))
        }
        let scale = inputs[Self.scale]!
        return [try core.run(plain)[0].quantized(to: type, scale: scale, zeroPoint: zeroPoint(Self.scale + 1))]
    }
}

/// Refuses the layout that ONNX itself does not have.
func expectChannelsFirst(_ node: OperatorNode) throws(LTError) {
    guard try node.node.int("channels_last") ?? 0 == 0 else {
        throw LTError(.unsupported, "attribute 'channels_last' is 1, expected 0")
    }
}
