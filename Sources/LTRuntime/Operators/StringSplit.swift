// StringSplit: the pieces of each string between delimiters (default or empty: runs of white space, none at the ends), in
// a new last axis filled up with "", and their numbers (int64). At most maxsplit (default or negative: all) delimiters
// count, from the left. New in opset 20.
// https://onnx.ai/onnx/operators/onnx__StringSplit.html

import LTCore

struct StringSplitOperator: Operator {
    static let schema = OperatorSchema(
        "StringSplit", opsets: 20...Opset.latest, inputs: 1...1, outputs: 2...2, types: [.string])

    /// nil: white space.
    let delimiter: TextSearch?
    let limit: Int

    init(_ node: OperatorNode) throws(LTError) {
        let text = try node.node.string("delimiter") ?? ""
        delimiter = text.isEmpty ? nil : TextSearch(text)
        let count = try node.node.int("maxsplit") ?? Int.max
        limit = count < 0 ? Int.max : count
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let dims = try Self.first(inputs).dims
        return [Facts(.string, dims.map { $0 + [nil] }), Facts(.int64, dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let x = try Self.text(inputs)
        let pieces = x.strings.map { delimiter?.split($0, limit: limit) ?? $0.words(limit: limit) }
        let longest = pieces.reduce(0) { max($0, $1.count) }
        let padded = pieces.lazy.flatMap { $0 + repeatElement("", count: longest - $0.count) }
        return [
            try .collecting(padded, try Shape(x.dims + [longest])),
            try Tensor(pieces.map { Int64($0.count) }, x.dims),
        ]
    }
}
