// LRN: Y = X / (bias + alpha/size · Σ X²)^beta, the sum over channels from c − ⌊(size−1)/2⌋ to c + ⌈(size−1)/2⌉.
// Opset 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__LRN.html

import LTCore

struct LRNOperator: RealOperator {
    static let schema = OperatorSchema("LRN", opsets: 1...Opset.latest, inputs: 1...1, types: .reals)

    let alpha: Float
    let beta: Float
    let bias: Float
    let size: Int

    init(_ node: OperatorNode) throws(LTError) {
        alpha = try node.node.float("alpha") ?? 0.0001
        beta = try node.node.float("beta") ?? 0.75
        bias = try node.node.float("bias") ?? 1
        size = try node.node.int("size") ?? 0
        guard size >= 1, size <= OperatorLimits.extent else {
            throw LTError(.invalidArgument, "attribute 'size' is \(size), expected 1 to \(OperatorLimits.extent)")
        }
    }

    /// X [N, C, …].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        return [Facts(x.type, try x.dims("X", ranks: 2...Int.max))]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let lines = Lines(x.dims, axis: 1)
        let (before, after) = ((size - 1) / 2, size / 2)
        for line in 0..<(x.count == 0 ? 0 : lines.count) {
            let start = lines.start(line)
            for channel in 0..<lines.length {
                var sum = 0.0
                for other in max(0, channel - before)...min(lines.length - 1, channel + after) {
                    let value = Double(source[start + other * lines.stride])
                    sum += value * value
                }
                let divisor = (Double(bias) + Double(alpha) / Double(size) * sum).power(Double(beta))
                let index = start + channel * lines.stride
                target[index] = T(Double(source[index]) / divisor)
            }
        }
    }
}
