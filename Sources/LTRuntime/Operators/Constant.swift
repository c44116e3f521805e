// Constant: a tensor stated in the node: value, or (since opset 12) value_float, value_floats, value_int, value_ints,
// value_string, value_strings. sparse_value (opset 11) is not supported.
// https://onnx.ai/onnx/operators/onnx__Constant.html

import LTCore
import LTGraph

struct ConstantOperator: Operator {
    static let schema = OperatorSchema("Constant", opsets: 1...Opset.latest, inputs: 0...0, types: .all)

    let value: Tensor

    init(_ node: OperatorNode) throws(LTError) {
        let node = node.node
        let names = [
            "value", "value_float", "value_floats", "value_int", "value_ints", "value_string", "value_strings",
            "sparse_value",
        ]
        let present = names.filter { node.attributes[$0] != nil }
        guard present.count == 1 else {
            throw LTError(.malformed, "Constant has attributes \(present), expected exactly one of \(names)")
        }
        if let tensor = try node.tensor("value") {
            value = tensor
        } else if let number = try node.float("value_float") {
            value = try Tensor(scalar: number)
        } else if let numbers = try node.floats("value_floats") {
            value = try Tensor(numbers)
        } else if let number = try node.int("value_int") {
            value = try Tensor(scalar: Int64(number))
        } else if let numbers = try node.ints("value_ints") {
            value = try Tensor(numbers.map(Int64.init))
        } else if let text = try node.string("value_string") {
            value = try Tensor(strings: [text], [])
        } else if let texts = try node.strings("value_strings") {
            value = try Tensor(strings: texts)
        } else {
            throw LTError(.unsupported, "attribute 'sparse_value', expected a dense value")
        }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] { [Facts(value)] }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] { [value] }
}
