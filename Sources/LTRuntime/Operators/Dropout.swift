// Dropout (inference): Y = X, and the mask is all true. Opset 10 made the mask bool, 12 made ratio and training_mode
// inputs, 13 and 22 added types. Training is refused.
// https://onnx.ai/onnx/operators/onnx__Dropout.html

import LTCore

struct DropoutOperator: Operator {
    static let schema = OperatorSchema(
        "Dropout", opsets: 7...Opset.latest, inputs: 1...3, outputs: 1...2, types: .reals)

    let hasBoolMask: Bool

    init(_ node: OperatorNode) throws(LTError) { hasBoolMask = node.opset >= 10 }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let ratio = try inputs.optional(1, .reals)
        if let mode = try inputs.optional(2, [.bool])?.value, mode.elements(Bool.self).first == true {
            let rate = try ratio?.value?.cast(to: .float32).array(of: Float.self).first
            guard rate == 0 else {
                throw LTError(.unsupported, "training_mode is true, expected false (inference) or a ratio of 0")
            }
        }
        return [x, Facts(hasBoolMask ? .bool : x.type, x.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        let x = inputs[0]!
        let one = try Tensor(scalar: true).cast(to: hasBoolMask ? .bool : x.type)
        return [x, try one.picking(x.shape, from: repeatElement(0, count: x.count))]
    }
}
