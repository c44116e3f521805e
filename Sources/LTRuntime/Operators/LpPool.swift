// LpPool: the p-norm (Σ |x|^p)^(1/p) of each window, p 2 unless given; pads count as zeros.
// Opset 18 added ceil_mode and dilations, 22 bfloat16. https://onnx.ai/onnx/operators/onnx__LpPool.html

import LTCore
import LTGraph

struct LpPoolOperator: RealOperator {
    static let schema = OperatorSchema("LpPool", opsets: 2...Opset.latest, inputs: 1...1, types: .reals)

    let window: Window
    let norm: Norm

    init(_ node: OperatorNode) throws(LTError) {
        window = try Window(node.node, isCeil: node.opset < 18 ? false : node.node.int("ceil_mode") ?? 0 != 0)
        guard window.kernel != nil else { throw LTError(.malformed, "attribute 'kernel_shape' is missing") }
        norm = try Norm(node.node)
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
            let taps = walk.taps(walk.position(place))
            for channel in 0..<x.dims[0] * x.dims[1] {
                target[channel * places + place] = norm.of(taps.lazy.map { source[channel * plane + $0.input] })
            }
        }
    }
}

/// The norm of LpPool and GlobalLpPool.
struct Norm: Sendable {
    let p: Int

    init(_ node: Node) throws(LTError) {
        p = try node.int("p") ?? 2
        guard p >= 1 else { throw LTError(.invalidArgument, "attribute 'p' is \(p), expected at least 1") }
    }

    func of<T: Real>(_ values: some Sequence<T>) -> T {
        switch p {
        case 1: return T(values.reduce(0.0) { $0 + Double($1.magnitude) })
        case 2: return T(values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
        default:
            let sum = values.reduce(0.0) { $0 + Double($1.magnitude).power(Double(p)) }
            return T(sum.power(1 / Double(p)))
        }
    }
}
