// Size: the number of elements of X, an int64 scalar. Later opsets only added types.
// https://onnx.ai/onnx/operators/onnx__Size.html

import LTCore

struct SizeOperator: Operator {
    static let schema = OperatorSchema("Size", opsets: 1...Opset.latest, inputs: 1...1, types: .all)

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        guard let count = try Self.first(inputs).dims?.product() else { return [Facts(.int64, [])] }
        return [Facts(try Tensor(scalar: Int64(count)))]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        try infer(inputs.map { $0.map { Facts($0) } }).compactMap(\.value)
    }
}
