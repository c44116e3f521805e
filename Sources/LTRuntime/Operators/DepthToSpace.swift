// DepthToSpace: blocksize² channels become the elements of blocksize × blocksize blocks. mode DCR: the channel's slowest
// index is the place in the block; CRD (both since opset 11): its fastest. 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__DepthToSpace.html

import LTCore
import LTGraph

struct DepthToSpaceOperator: Operator {
    static let schema = OperatorSchema("DepthToSpace", opsets: 1...Opset.latest, inputs: 1...1, types: .all)

    let size: Int
    let isDepthFirst: Bool

    init(_ node: OperatorNode) throws(LTError) {
        size = try blockSize(node.node)
        let mode = node.opset < 11 ? "DCR" : try node.node.string("mode") ?? "DCR"
        guard mode == "DCR" || mode == "CRD" else {
            throw LTError(.invalidArgument, "attribute 'mode' is '\(mode)', expected DCR or CRD")
        }
        isDepthFirst = mode == "DCR"
    }

    /// X [N, C, H, W] → Y [N, C / blocksize², H · blocksize, W · blocksize].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        guard let dims = try x.dims("X", ranks: 4...4) else { return [Facts(x.type, try unknownDims(4))] }
        if let channels = dims[1], channels % (size * size) != 0 {
            throw LTError(.shapeMismatch, "X has \(channels) channels, expected a multiple of \(size * size)")
        }
        let spatial = try dims[2...].map { (dim) throws(LTError) in try [dim, size].product() }
        return [Facts(x.type, [dims[0], dims[1].map { $0 / (size * size) }] + spatial)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let x = inputs[0]!
        let (n, c, h) = (x.shape.strides[0], x.shape.strides[1], x.shape.strides[2])
        // Strides of the place in the block and of the channel.
        let (row, column, channel) =
            isDepthFirst ? (size * shape[1] * c, shape[1] * c, c) : (size * c, c, size * size * c)
        let view = StridedIndices(
            [shape[0], shape[1], x.dims[2], size, x.dims[3], size], [n, channel, h, row, 1, column])
        return [try x.picking(shape, from: view)]
    }
}

/// The attribute 'blocksize' of DepthToSpace and SpaceToDepth.
func blockSize(_ node: Node) throws(LTError) -> Int {
    guard let size = try node.int("blocksize") else { throw LTError(.malformed, "attribute 'blocksize' is missing") }
    guard size >= 1, size <= OperatorLimits.extent else {
        throw LTError(
            .invalidArgument, "attribute 'blocksize' is \(size), expected 1 to \(OperatorLimits.extent)")
    }
    return size
}
