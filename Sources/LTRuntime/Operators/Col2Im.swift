// Col2Im: the sum of overlapping blocks: column l of X holds for each channel the block of block_shape that window l
// (with strides, pads and dilations) of an image of image_shape covers. New in opset 18.
// https://onnx.ai/onnx/operators/onnx__Col2Im.html

import LTCore

struct Col2ImOperator: NumberOperator {
    static let schema = OperatorSchema("Col2Im", opsets: 18...Opset.latest, inputs: 3...3, types: .numbers)

    let window: Window

    init(_ node: OperatorNode) throws(LTError) { window = try Window(node.node) }

    /// X [N, C · block, L] → [N, C, image…].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let (image, block) = (try inputs.required(1, [.int64]), try inputs.required(2, [.int64]))
        let dims = try x.dims("X", ranks: 3...3)
        let (axes, others) = (
            try image.dims("image_shape", ranks: 1...1), try block.dims("block_shape", ranks: 1...1)
        )
        guard let extents = try image.integers("image_shape"), let kernel = try block.integers("block_shape") else {
            let rank = axes?[0] ?? others?[0]
            return [
                Facts(x.type, try rank.map { (rank) throws(LTError) in [dims?[0], nil] + (try unknownDims(rank)) })
            ]
        }
        _ = try Shape(extents)
        let windows = try window.axes(extents, kernel: kernel)
        let (size, columns) = (try Shape(kernel).count, try windows.map { $0?.output }.product())
        if let dims {
            guard agree(dims[2], columns), (dims[1] ?? 0) % size == 0 else {
                throw LTError(
                    .shapeMismatch,
                    "X is \(dims.text), expected [?,k · \(size),\(columns ?? 0)] for image "
                        + "\(extents) in blocks \(kernel)")
            }
        }
        return [Facts(x.type, [dims?[0], dims?[1].map { $0 / size }] + extents)]
    }

    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let kernel = try inputs[2]!.integers("block_shape")
        let walk = WindowWalk(try window.axes(Array(outputs[0].dims[2...]), kernel: kernel).compactMap { $0 })
        let (source, target) = (inputs[0]!.elements(T.self), outputs[0].elements(T.self))
        target.update(repeating: .zero)
        let (plane, block, places) = (walk.inputCount, walk.kernelCount, walk.outputCount)
        for place in 0..<(target.count == 0 ? 0 : places) {
            for tap in walk.taps(walk.position(place)) {
                for channel in 0..<target.count / plane {
                    let value = source[(channel * block + tap.kernel) * places + place]
                    target[channel * plane + tap.input] = target[channel * plane + tap.input].plus(value)
                }
            }
        }
    }
}
