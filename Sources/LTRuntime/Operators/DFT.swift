// DFT: the discrete Fourier transform along an axis; the last axis of X holds real numbers (1) or real and imaginary parts
// (2), that of the result both. dft_length pads with zeros or truncates. onesided keeps bins 0 to ⌊n/2⌋ of a real signal;
// with inverse it makes the real signal (default length 2·(bins - 1)) of such bins, as ONNX after 1.20 has it.
// New in opset 17; 20 made the axis an input (default -2, before 1).
// https://onnx.ai/onnx/operators/onnx__DFT.html

import LTCore

struct DFTOperator: RealOperator {
    static let schema = OperatorSchema("DFT", opsets: 17...Opset.latest, inputs: 1...3, types: .reals)

    /// Before opset 20.
    let axis: Int?
    let isInverse: Bool
    let isOnesided: Bool

    init(_ node: OperatorNode) throws(LTError) {
        axis = node.opset < 20 ? try node.node.int("axis") ?? 1 : nil
        isInverse = try node.node.int("inverse") ?? 0 != 0
        isOnesided = try node.node.int("onesided") ?? 0 != 0
        guard node.opset >= 20 || node.node.inputs.count < 3 else {
            throw LTError(.malformed, "axis as an input in opset \(node.opset), expected the attribute 'axis'")
        }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let length = try inputs.optional(1, .indices)
        let axis = try axis(inputs)
        guard var dims = try x.dims("X", ranks: 2...Int.max) else { return [Facts(x.type, nil)] }
        let last = dims.count - 1
        let expected = isOnesided ? isInverse ? [2] : [1] : [1, 2]
        if let parts = dims[last], !expected.contains(parts) {
            let wanted = expected.map(String.init).joined(separator: " or ")
            throw LTError(.shapeMismatch, "X \(dims.text), expected a last axis of \(wanted)")
        }
        dims[last] = isOnesided && isInverse ? 1 : 2
        guard let axis else { return [Facts(x.type, try unknownDims(last) + [dims[last]])] }
        let place = try position(axis, rank: dims.count)
        guard place != last else {
            throw LTError(.invalidArgument, "axis \(axis) holds the parts of numbers, expected one before it")
        }
        let count: Int?
        if let length {
            count = try length.integer("dft_length")
        } else {
            count = isOnesided && isInverse ? dims[place].map { 2 * max($0 - 1, 0) } : dims[place]
        }
        if let count { try FourierTransform.check(count) }
        dims[place] = isOnesided && !isInverse ? count.map { $0 / 2 + 1 } : count
        return [Facts(x.type, dims)]
    }

    /// nil: not known yet.
    private func axis(_ inputs: [Facts?]) throws(LTError) -> Int? {
        if let axis { return axis }
        guard let input = try inputs.optional(2, [.int64]) else { return -2 }
        return try input.integer("axis")
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (x, y) = (inputs[0]!, outputs[0])
        let axis = try position(try axis(inputs.map { $0.map { Facts($0) } }) ?? -2, rank: x.shape.rank)
        let (source, target) = (
            Lines(Array(x.dims.dropLast()), axis: axis), Lines(Array(y.dims.dropLast()), axis: axis)
        )
        let stated = inputs.count > 1 ? try inputs[1]?.integers("dft_length")[0] : nil
        let transform = try FourierTransform(stated ?? (isInverse ? target.length : source.length))
        let (signal, result) = (Signal<T>(x, parts: x.dims.last), Signal<T>(y, parts: y.dims.last))
        var numbers = [Complex](repeating: .zero, count: transform.length)
        // The rest is zero, or what the symmetry of real signals says.
        let given = min(source.length, isInverse && isOnesided ? numbers.count / 2 + 1 : numbers.count)
        for line in 0..<target.count {
            for (index, place) in source.places(line).prefix(given).enumerated() {
                numbers[index] = signal[place]
                if isInverse && isOnesided && index > 0 && 2 * index < numbers.count {
                    numbers[numbers.count - index] = numbers[index].conjugate
                }
            }
            let bins = isInverse ? transform.inverse(numbers) : transform(numbers)
            for (place, bin) in zip(target.places(line), bins) { result[place] = bin }
        }
    }
}
