// OneHotEncoder: X with one more axis, 1 at the position of the element among cats_int64s or cats_strings and 0 elsewhere,
// as float32. Floats are truncated to integers. What is no category gives zeros, or is an error without `zeros`.
// https://onnx.ai/onnx/operators/onnx_aionnxml_OneHotEncoder.html

import LTCore

struct OneHotEncoderOperator: Operator {
    static let schema = OperatorSchema(classical: "OneHotEncoder", types: .features.union([.string]))

    let categories: Lookup
    let count: Int
    let allowsOthers: Bool

    init(_ node: OperatorNode) throws(LTError) {
        guard let list = try node.node.list(strings: "cats_strings", ints: "cats_int64s") else {
            throw LTError(.malformed, "expected one of the attributes cats_int64s and cats_strings")
        }
        categories = try Lookup(list)
        count = list.count
        allowsOthers = try node.node.int("zeros") ?? 1 != 0
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        guard (x.type == .string) == (categories.type == .string) else {
            let kind = categories.type.onnxName
            throw LTError(.typeMismatch, "input 0 is tensor(\(x.type.onnxName)), the categories are \(kind)")
        }
        return [Facts(.float32, x.dims.map { $0 + [count] })]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let result = try Tensor.output(.float32, try outputShape(inputs))
        let target = result.elements(Float.self)
        for index in target.indices { target[index] = 0 }
        let x = inputs[0]!.type == .string ? inputs[0]! : try inputs[0]!.cast(to: .int64)
        for (index, place) in try categories.places(x).enumerated() {
            if let place {
                target[index * count + place] = 1
            } else if !allowsOthers {
                throw LTError(.invalidArgument, "element \(index) is none of the \(count) categories")
            }
        }
        return [result]
    }
}
