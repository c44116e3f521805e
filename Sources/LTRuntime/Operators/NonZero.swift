// NonZero: the coordinates of the elements other than 0 (false, ""), int64 [rank, count], in row-major order of the elements.
// New in opset 9; 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__NonZero.html

import LTCore

struct NonZeroOperator: Operator {
    static let schema = OperatorSchema(
        "NonZero", opsets: 9...Opset.latest, inputs: 1...1, types: .numbers.union(Set.complex).union([.bool, .string]))

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        [Facts(.int64, [try Self.first(inputs).dims?.count, nil])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try infer(inputs.map { $0.map { Facts($0) } })
        let x = inputs[0]!
        let flags = try flags(x)
        let found = flags.indices.filter { flags[$0] }
        let result = try Tensor.output(.int64, try Shape([x.shape.rank, found.count]))
        let coordinates = result.elements(Int64.self)
        for (axis, stride) in x.shape.strides.enumerated() {
            for (index, place) in found.enumerated() {
                coordinates[axis * found.count + index] = Int64(place / stride % x.dims[axis])
            }
        }
        return [result]
    }

    private func flags(_ x: Tensor) throws(LTError) -> [Bool] {
        switch x.type {
        case .string: return x.strings.map { !$0.isEmpty }
        case .complex64, .complex128:
            let parts = try x.parts.cast(to: .bool).array(of: Bool.self)
            return (0..<x.count).map { parts[2 * $0] || parts[2 * $0 + 1] }
        default: return try x.cast(to: .bool).array(of: Bool.self)
        }
    }
}
