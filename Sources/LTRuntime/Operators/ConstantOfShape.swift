// ConstantOfShape: a tensor of the shape in the input (int64), filled with the one element of `value` (default float 0).
// Later opsets only added types.
// https://onnx.ai/onnx/operators/onnx__ConstantOfShape.html

import LTCore

struct ConstantOfShapeOperator: Operator {
    static let schema = OperatorSchema("ConstantOfShape", opsets: 9...Opset.latest, inputs: 1...1, types: [.int64])

    let value: Tensor

    init(_ node: OperatorNode) throws(LTError) {
        let stated = try node.node.tensor("value")
        value = if let stated { stated } else { try Tensor([Float(0)]) }
        guard value.count == 1 else {
            throw LTError(.shapeMismatch, "attribute 'value' has \(value.count) elements, expected 1")
        }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let shape = try Self.first(inputs)
        let rank = try shape.dims("input", ranks: 1...1).flatMap { $0[0] }
        if let dims = try shape.partialIntegers("input") {
            _ = try Shape(dims.compactMap { $0 })
            return [Facts(value.type, dims)]
        }
        return [Facts(value.type, try rank.map(unknownDims))]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        guard value.type != .string, value.type.bits >= 8, shape.count > 0 else {
            return [try value.picking(shape, from: repeatElement(0, count: shape.count))]
        }
        // What is filled already is copied behind itself.
        let result = try Tensor.output(value.type, shape)
        var filled = value.byteCount
        result.rawPointer.copyMemory(from: value.rawPointer, byteCount: filled)
        while filled < result.byteCount {
            let more = min(filled, 1 << 15, result.byteCount - filled)
            (result.rawPointer + filled).copyMemory(from: result.rawPointer, byteCount: more)
            filled += more
        }
        return [result]
    }
}
