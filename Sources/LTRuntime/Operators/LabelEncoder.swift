// LabelEncoder: each element of X mapped from the keys to the values at the same place; what is no key becomes the default
// of the values' type (-1, -0.0, "_Unused"). Version 1 maps between classes_strings and their positions; 2 takes keys_* and
// values_* of texts, integers and floats; 4 also takes tensors of them, and of equal keys the last.
// https://onnx.ai/onnx/operators/onnx_aionnxml_LabelEncoder.html

import LTCore

struct LabelEncoderOperator: Operator {
    static let schema = OperatorSchema(
        classical: "LabelEncoder", types: [.string, .int64, .float32, .int32, .int16, .float64])

    /// In version 1 there are two directions.
    private let maps: [(keys: Lookup, values: Tensor, fill: Tensor)]

    init(_ node: OperatorNode) throws(LTError) {
        let (node, version) = (node.node, node.opset)
        let text = try Tensor(strings: [try node.string("default_string") ?? "_Unused"])
        let integer = try Tensor([Int64(try node.int("default_int64") ?? -1)])
        guard version >= 2 else {
            let classes = try Tensor(strings: try node.strings("classes_strings") ?? [])
            let numbers = try Tensor((0..<classes.count).map { Int64($0) })
            maps = [(try Lookup(classes), numbers, integer), (try Lookup(numbers), classes, text)]
            return
        }
        let isNew = version >= 4
        let keys = try node.list(
            strings: "keys_strings", ints: "keys_int64s", floats: "keys_floats", tensor: isNew ? "keys_tensor" : nil)
        let values = try node.list(
            strings: "values_strings", ints: "values_int64s", floats: "values_floats",
            tensor: isNew ? "values_tensor" : nil)
        guard let keys, let values, keys.count == values.count else {
            let counts = "\(keys?.count ?? 0) keys and \(values?.count ?? 0) values"
            throw LTError(.malformed, "\(counts), expected as many keys as values")
        }
        let types = Self.schema.types
        guard types.contains(keys.type), types.contains(values.type) else {
            throw LTError(
                .typeMismatch, "keys of type \(keys.type.onnxName), values of type \(values.type.onnxName)")
        }
        let stated = isNew ? try node.tensor("default_tensor") : nil
        var fill: Tensor
        switch values.type {
        case .string: fill = text
        case .float32, .float64: fill = try Tensor([try node.float("default_float") ?? -0.0]).cast(to: values.type)
        default: fill = try integer.cast(to: values.type)
        }
        if let stated {
            guard stated.type == values.type, stated.count == 1 else {
                throw LTError(
                    .typeMismatch,
                    "attribute 'default_tensor' is tensor(\(stated.type.onnxName)) \(stated.shape), expected one value")
            }
            fill = stated
        }
        maps = [(try Lookup(keys, takesLast: isNew), values, fill)]
    }

    private func map(_ x: ElementType) throws(LTError) -> (keys: Lookup, values: Tensor, fill: Tensor) {
        guard let map = maps.first(where: { $0.keys.type == x }) else {
            let names = maps.map { "tensor(\($0.keys.type.onnxName))" }.joined(separator: " or ")
            throw LTError(.typeMismatch, "input 0 is tensor(\(x.onnxName)), expected \(names) as the keys")
        }
        return map
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        return [Facts(try map(x.type).values.type, x.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let map = try map(inputs[0]!.type)
        let places = try map.keys.places(inputs[0]!)
        return [try map.values.picking(shape, from: places.lazy.map { $0 ?? -1 }, fill: map.fill)]
    }
}
