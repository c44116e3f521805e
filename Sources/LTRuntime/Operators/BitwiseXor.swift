// BitwiseXor: C = A ⊕ B bit by bit, elementwise with broadcasting.
// New in opset 18.
// https://onnx.ai/onnx/operators/onnx__BitwiseXor.html

import LTCore

struct BitwiseXorOperator: BinaryBitsOperator {
    static let schema = OperatorSchema(
        "BitwiseXor", opsets: 18...Opset.latest, inputs: 2...2, types: .integers)

    init(_ node: OperatorNode) throws(LTError) {}

    func formula<T: Bits>(_ a: T, _ b: T) -> T { a ^ b }
}
