// AveragePool: the mean of each window; count_include_pad counts pads as zeros (but never what ceil_mode adds beyond them).
// Opset 10 added ceil_mode, 19 dilations, 22 bfloat16 and left out windows that would start beyond the input and its
// leading pad (done here for every opset). https://onnx.ai/onnx/operators/onnx__AveragePool.html

import LTCore

struct AveragePoolOperator: RealOperator {
    static let schema = OperatorSchema("AveragePool", opsets: 7...Opset.latest, inputs: 1...1, types: .reals)

    let window: Window
    let countsPads: Bool

    init(_ node: OperatorNode) throws(LTError) {
        window = try Window(node.node, isCeil: node.opset < 10 ? false : node.node.int("ceil_mode") ?? 0 != 0)
        guard window.kernel != nil else { throw LTError(.malformed, "attribute 'kernel_shape' is missing") }
        countsPads = try node.node.int("count_include_pad") ?? 0 != 0
    }

    /// X [N, C, …] → Y [N, C, …].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        return [Facts(x.type, try window.pooled(x))]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        let walk = try window.walk(x)
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let (plane, places) = (walk.inputCount, walk.outputCount)
        for place in 0..<(target.count == 0 ? 0 : places) {
            let position = walk.position(place)
            let taps = walk.taps(position)
            let count = countsPads ? zip(walk.axes, position).reduce(1) { $0 * $1.0.padded($1.1) } : taps.count
            for channel in 0..<x.dims[0] * x.dims[1] {
                let sum = taps.reduce(0.0) { $0 + Double(source[channel * plane + $1.input]) }
                target[channel * places + place] = count == 0 ? 0 : T(sum / Double(count))
            }
        }
    }
}
