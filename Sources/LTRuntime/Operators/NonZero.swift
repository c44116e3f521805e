// NonZero: the coordinates of the elements other than 0, int64 [rank, count], in row-major order of the elements.
// New in opset 9; 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__NonZero.html

import LTCore

struct NonZeroOperator: Operator {
    static let schema = OperatorSchema(
        "NonZero", opsets: 9...Opset.latest, inputs: 1...1, types: .numbers.union([.bool]))

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        [Facts(.int64, [try Self.first(inputs).dims?.count, nil])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try infer(inputs.map { $0.map { Facts($0) } })
        let x = inputs[0]!
        let flags = try x.cast(to: .bool).array(of: Bool.self)
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
}
