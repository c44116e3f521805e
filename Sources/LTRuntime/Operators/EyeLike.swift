// EyeLike: a matrix of the shape of X with ones on diagonal k (0 the main one, positive above it) and zeros elsewhere,
// in the type `dtype` (default: the type of X).
// New in opset 9; 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__EyeLike.html

import LTCore

struct EyeLikeOperator: Operator {
    static let schema = OperatorSchema(
        "EyeLike", opsets: 9...Opset.latest, inputs: 1...1, types: .numbers.union([.bool]))

    let type: ElementType?
    let k: Int

    init(_ node: OperatorNode) throws(LTError) {
        type = try node.type("dtype", Self.schema.types)
        k = try node.node.int("k") ?? 0
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        return [Facts(type ?? x.type, try x.dims("X", ranks: 2...2))]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let (type, shape) = try outline(inputs)[0]
        let one = try Tensor([true]).cast(to: type)
        let places = (0..<shape.count).lazy.map { $0 % shape[1] - $0 / shape[1] == k ? 0 : -1 }
        return [try one.picking(shape, from: places)]
    }
}
