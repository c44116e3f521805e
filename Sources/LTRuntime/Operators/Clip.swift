// Clip: Y = min(max(X, min), max). Attributes before opset 11, optional scalar inputs from it on; 12 added integers,
// 13 bfloat16.
// https://onnx.ai/onnx/operators/onnx__Clip.html

import LTCore

struct ClipOperator: NumberOperator {
    static let schema = OperatorSchema("Clip", opsets: 6...Opset.latest, inputs: 1...3, types: .numbers)

    /// Before opset 11.
    let min: Float?
    let max: Float?

    init(_ node: OperatorNode) throws(LTError) {
        min = node.opset < 11 ? try node.node.float("min") : nil
        max = node.opset < 11 ? try node.node.float("max") : nil
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        for (index, name) in [(1, "min"), (2, "max")] {
            if let count = try inputs.like(index)?.dims?.product(), count != 1 {
                throw LTError(.shapeMismatch, "\(name) has \(count) elements, expected a scalar")
            }
        }
        return [Facts(x.type, x.dims)]
    }

    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        func bound(_ index: Int, _ attribute: Float?, _ otherwise: T) -> T {
            if inputs.count > index, let input = inputs[index] { return input.elements(T.self)[0] }
            return attribute.map { T(saturating: Double($0)) } ?? otherwise
        }
        let (low, high) = (bound(1, min, .lowest), bound(2, max, .highest))
        let (x, y) = (inputs[0]!.elements(T.self), outputs[0].elements(T.self))
        for index in y.indices {
            let raised = x[index] < low ? low : x[index]
            y[index] = raised > high ? high : raised
        }
    }
}
