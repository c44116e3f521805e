// MaxPool: the largest element in each window; pads never win. Output 1: where it was, as a position in the whole of X
// (storage_order 1: spatial axes column-major); the first of equal ones.
// Opset 8 added Indices, 10 ceil_mode and dilations, 12 8-bit integers; 22 bfloat16, and windows that would start beyond
// the input and its leading pad are left out (done here for every opset).
// https://onnx.ai/onnx/operators/onnx__MaxPool.html

import LTCore

struct MaxPoolOperator: NumberOperator {
    static let schema = OperatorSchema(
        "MaxPool", opsets: 1...Opset.latest, inputs: 1...1, outputs: 1...2, types: .reals.union([.int8, .uint8]))

    let window: Window
    let isColumnMajor: Bool

    init(_ node: OperatorNode) throws(LTError) {
        window = try Window(node.node, isCeil: node.opset < 10 ? false : node.node.int("ceil_mode") ?? 0 != 0)
        guard window.kernel != nil else { throw LTError(.malformed, "attribute 'kernel_shape' is missing") }
        isColumnMajor = try node.node.int("storage_order") ?? 0 != 0
    }

    /// X [N, C, …] → Y [N, C, …], Indices likewise.
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let dims = try window.pooled(x)
        return [Facts(x.type, dims), Facts(.int64, dims)]
    }

    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        let walk = try window.walk(x)
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let indices = outputs[1].elements(Int64.self)
        let (plane, places) = (walk.inputCount, walk.outputCount)
        for place in 0..<(target.count == 0 ? 0 : places) {
            let taps = walk.taps(walk.position(place))
            for channel in 0..<x.dims[0] * x.dims[1] {
                var best = T.lowest
                var found = -1
                for tap in taps {
                    let value = source[channel * plane + tap.input]
                    if found < 0 || value > best || value.isNaN && !best.isNaN { (best, found) = (value, tap.input) }
                }
                target[channel * places + place] = best
                indices[channel * places + place] = Int64(
                    found < 0 ? -1 : channel * plane + (isColumnMajor ? columnMajor(found, x.dims) : found))
            }
        }
    }

    /// A row-major position within the spatial axes as a column-major one.
    private func columnMajor(_ position: Int, _ dims: [Int]) -> Int {
        var rest = position
        var places: [Int] = []
        for extent in dims[2...].reversed() {
            places.append(rest % extent)
            rest /= extent
        }
        var result = 0
        for (place, extent) in zip(places, dims[2...].reversed()) { result = result * extent + place }
        return result
    }
}
