// DynamicQuantizeLinear: X in uint8 with the scale and zero point that its own range gives, widened to hold 0:
// y_scale = (max − min) / 255 (1 when X is 0 everywhere), y_zero_point = saturate(round(−min / y_scale)).
// https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html

import LTCore

struct DynamicQuantizeLinearOperator: Operator {
    static let schema = OperatorSchema(
        "DynamicQuantizeLinear", opsets: 11...Opset.latest, inputs: 1...1, outputs: 3...3, types: [.float32])

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        [Facts(.uint8, try Self.first(inputs).dims), Facts(.float32, []), Facts(.uint8, [])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        let x = inputs[0]!
        var (low, high): (Float, Float) = (0, 0)
        for value in x.elements(Float.self) {
            if value < low { low = value }
            if value > high { high = value }
        }
        let scale = low == high ? 1 : (high - low) / 255
        let zero = max(0, min(255, -low / scale)).rounded(.toNearestOrEven)
        let step = try Tensor(scalar: scale)
        let zeroPoint = try Tensor(scalar: UInt8(saturating: Double(zero)))
        return [try x.quantized(to: .uint8, scale: step, zeroPoint: zeroPoint), step, zeroPoint]
    }
}
