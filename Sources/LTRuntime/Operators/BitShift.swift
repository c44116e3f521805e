// BitShift: Z = X shifted by Y bits in `direction` (LEFT or RIGHT), elementwise with broadcasting. All bits shifted out
// leave 0.
// New in opset 11.
// https://onnx.ai/onnx/operators/onnx__BitShift.html

import LTCore

struct BitShiftOperator: BinaryBitsOperator {
    static let schema = OperatorSchema(
        "BitShift", opsets: 11...Opset.latest, inputs: 2...2, types: [.uint8, .uint16, .uint32, .uint64])

    enum Direction: String, CaseIterable {
        case left = "LEFT"
        case right = "RIGHT"
    }

    let direction: Direction

    init(_ node: OperatorNode) throws(LTError) { direction = try node.choice("direction") }

    func formula<T: Bits>(_ a: T, _ b: T) -> T { direction == .left ? a << b : a >> b }
}
