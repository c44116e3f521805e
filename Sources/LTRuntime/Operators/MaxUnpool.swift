// MaxUnpool: zeros, but each element of X at the position that MaxPool found it at (I, positions in the whole of a tensor
// of the inferred shape stride · (input − 1) + kernel − pads). output_shape, an input, adds zeros at the ends of axes.
// New in opset 9; 11 only reworded it, 22 added bfloat16. https://onnx.ai/onnx/operators/onnx__MaxUnpool.html

import LTCore

struct MaxUnpoolOperator: Operator {
    static let schema = OperatorSchema("MaxUnpool", opsets: 9...Opset.latest, inputs: 2...3, types: .reals)

    let window: Window
    let kernel: [Int]

    init(_ node: OperatorNode) throws(LTError) {
        window = try Window(node.node)
        guard let kernel = window.kernel else { throw LTError(.malformed, "attribute 'kernel_shape' is missing") }
        self.kernel = kernel
        try window.check(rank: kernel.count)
    }

    /// X [N, C, …], I like X → Y [N, C, …].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let places = try inputs.required(1, [.int64])
        let wanted = try inputs.optional(2, [.int64])
        let rank = kernel.count + 2
        let dims = try x.dims("X", ranks: rank...rank)
        if let dims, let found = try places.dims("I", ranks: rank...rank), !zip(dims, found).allSatisfy(agree) {
            throw LTError(.shapeMismatch, "X is \(dims.text), I \(found.text), expected one shape")
        }
        let inferred = try unpooled(dims ?? [Int?](repeating: nil, count: rank))
        guard let wanted else { return [Facts(x.type, inferred)] }
        guard let output = try wanted.integers("output_shape") else { return [Facts(x.type, try unknownDims(rank))] }
        guard output.count == rank, zip(inferred, output).allSatisfy({ $0 ?? 0 <= $1 }) else {
            throw LTError(.shapeMismatch, "output_shape is \(output), expected at least \(inferred.text)")
        }
        return [Facts(x.type, output)]
    }

    /// The shape that a MaxPool with this window makes X of, at least.
    private func unpooled(_ dims: [Int?]) throws(LTError) -> [Int?] {
        var result = dims
        for (axis, kernel) in kernel.enumerated() {
            guard let input = dims[axis + 2] else { continue }
            let pads = (window.pads?[axis] ?? 0) + (window.pads?[self.kernel.count + axis] ?? 0)
            let steps = try Shape([max(input - 1, 0), window.strides?[axis] ?? 1]).count
            guard input > 0, steps + kernel > pads else {
                throw LTError(.shapeMismatch, "pads of \(pads) leave nothing of axis \(axis + 2), extent \(input)")
            }
            result[axis + 2] = steps + kernel - pads
        }
        return result
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let (x, places) = (inputs[0]!, inputs[1]!.elements(Int64.self))
        let plane = try Shape(try unpooled(x.dims.map { $0 }).compactMap { $0 })
        let strides = shape.strides
        var starts: [Int] = []
        for place in places {
            guard place >= 0, place < Int64(plane.count) else {
                throw LTError(.invalidArgument, "index \(place), expected 0 to \(plane.count - 1) for \(plane)")
            }
            var (rest, start) = (Int(place), 0)
            for axis in plane.dims.indices.reversed() {
                start += rest % plane[axis] * strides[axis]
                rest /= plane[axis]
            }
            starts.append(start)
        }
        let zeros = try x.picking(shape, from: repeatElement(-1, count: shape.count))
        return [try zeros.scattering(x, at: starts)]
    }
}
