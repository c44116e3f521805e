// SpaceToDepth: the elements of blocksize × blocksize blocks become channels; the place in the block is the channel's
// slowest index. Opset 13 added bfloat16. https://onnx.ai/onnx/operators/onnx__SpaceToDepth.html

import LTCore

struct SpaceToDepthOperator: Operator {
    static let schema = OperatorSchema("SpaceToDepth", opsets: 1...Opset.latest, inputs: 1...1, types: .all)

    let size: Int

    init(_ node: OperatorNode) throws(LTError) { size = try blockSize(node.node) }

    /// X [N, C, H, W] → Y [N, C · blocksize², H / blocksize, W / blocksize].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        guard let dims = try x.dims("X", ranks: 4...4) else { return [Facts(x.type, try unknownDims(4))] }
        for case let dim? in dims[2...] where dim % size != 0 {
            throw LTError(.shapeMismatch, "X is \(dims.text), expected multiples of \(size) on axes 2 and 3")
        }
        return [
            Facts(x.type, [dims[0], try [dims[1], size, size].product()] + dims[2...].map { $0.map { $0 / size } })
        ]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let x = inputs[0]!
        let (n, c, h) = (x.shape.strides[0], x.shape.strides[1], x.shape.strides[2])
        let view = StridedIndices(
            [shape[0], size, size, x.dims[1], shape[2], shape[3]], [n, h, 1, c, size * h, size])
        return [try x.picking(shape, from: view)]
    }
}
