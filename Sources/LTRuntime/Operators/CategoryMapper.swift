// CategoryMapper: texts to integers or integers to texts, by the pairs of cats_strings and cats_int64s; what is not among
// them becomes default_int64 (-1) or default_string ("_Unused").
// https://onnx.ai/onnx/operators/onnx_aionnxml_CategoryMapper.html

import LTCore

struct CategoryMapperOperator: Operator {
    static let schema = OperatorSchema(classical: "CategoryMapper", types: [.string, .int64])

    /// Texts to integers, and back.
    private let maps: [(keys: Lookup, values: Tensor, fill: Tensor)]

    init(_ node: OperatorNode) throws(LTError) {
        let texts = try Tensor(strings: try node.node.strings("cats_strings") ?? [])
        let integers = try Tensor((try node.node.ints("cats_int64s") ?? []).map { Int64($0) })
        guard texts.count == integers.count else {
            throw LTError(.malformed, "\(texts.count) cats_strings and \(integers.count) cats_int64s, expected pairs")
        }
        maps = [
            (try Lookup(texts), integers, try Tensor([Int64(try node.node.int("default_int64") ?? -1)])),
            (
                try Lookup(integers), texts,
                try Tensor(strings: [try node.node.string("default_string") ?? "_Unused"])
            ),
        ]
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        return [Facts(x.type == .string ? .int64 : .string, x.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let map = maps[inputs[0]!.type == .string ? 0 : 1]
        let places = try map.keys.places(inputs[0]!)
        return [try map.values.picking(shape, from: places.lazy.map { $0 ?? -1 }, fill: map.fill)]
    }
}
