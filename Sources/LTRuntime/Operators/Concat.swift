// Concat: the inputs one after the other along axis. Later opsets only added types.
// https://onnx.ai/onnx/operators/onnx__Concat.html

import LTCore

struct ConcatOperator: Operator {
    static let schema = OperatorSchema("Concat", opsets: 4...Opset.latest, inputs: 1...Int.max, types: .all)

    let axis: Int

    init(_ node: OperatorNode) throws(LTError) {
        guard let axis = try node.node.int("axis") else { throw LTError(.malformed, "attribute 'axis' is missing") }
        self.axis = axis
    }

    init(axis: Int) { self.axis = axis }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let type = try Self.first(inputs).type
        var shapes: [[Int?]] = []
        for index in inputs.indices {
            if let dims = try inputs.required(index, [type]).dims { shapes.append(dims) }
        }
        guard var result = shapes.first else { return [Facts(type, nil)] }
        let axis = try position(axis, rank: result.count)
        result[axis] = 0
        for dims in shapes {
            guard dims.count == result.count,
                dims.indices.allSatisfy({ $0 == axis || agree(dims[$0], result[$0]) })
            else {
                let all = shapes.map(\.text).joined(separator: ", ")
                throw LTError(.shapeMismatch, "inputs \(all) differ outside axis \(axis)")
            }
            for other in dims.indices where other != axis { result[other] = result[other] ?? dims[other] }
            if let sum = result[axis], let more = dims[axis] {
                let (total, overflow) = sum.addingReportingOverflow(more)
                guard !overflow else { throw LTError(.shapeMismatch, "the sum of axis \(axis) overflows") }
                result[axis] = total
            } else {
                result[axis] = nil
            }
        }
        if shapes.count < inputs.count { result[axis] = nil }
        return [Facts(type, result)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let axis = try position(axis, rank: shape.rank)
        let tensors = inputs.compactMap { $0 }
        let rows = shape.dims[..<axis].reduce(1, *)
        let inner = shape.dims[(axis + 1)...].reduce(1, *)
        let type = tensors[0].type
        if type == .string {
            var strings: [String] = []
            for row in 0..<rows {
                for tensor in tensors {
                    let run = tensor.dims[axis] * inner
                    strings += tensor.strings[row * run..<(row + 1) * run]
                }
            }
            return [try Tensor(strings: strings, shape.dims)]
        }
        if type.bits < 8 {
            var bytes: [Tensor?] = []
            for tensor in tensors { bytes.append(try tensor.unpacked()) }
            return [try run(bytes)[0].packed(as: type)]
        }
        let result = try Tensor.output(type, shape)
        var target = result.rawPointer
        for row in 0..<(shape.count == 0 ? 0 : rows) {
            for tensor in tensors {
                let run = tensor.dims[axis] * inner * type.bits / 8
                target.copyMemory(from: tensor.rawPointer + row * run, byteCount: run)
                target += run
            }
        }
        return [result]
    }
}
