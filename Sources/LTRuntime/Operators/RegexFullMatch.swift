// RegexFullMatch: Y = whether all of X matches `pattern`, elementwise; RE2's syntax (see RegularExpression.swift).
// New in opset 20.
// https://onnx.ai/onnx/operators/onnx__RegexFullMatch.html

import LTCore

struct RegexFullMatchOperator: Operator {
    static let schema = OperatorSchema(
        "RegexFullMatch", opsets: 20...Opset.latest, inputs: 1...1, types: [.string])

    let pattern: RegularExpression

    init(_ node: OperatorNode) throws(LTError) {
        guard let text = try node.node.string("pattern") else {
            throw LTError(.malformed, "attribute 'pattern' is missing")
        }
        pattern = try within("pattern '\(text.prefix(64))'") { () throws(LTError) in try RegularExpression(text) }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] { [Facts(.bool, try Self.first(inputs).dims)] }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let x = try Self.text(inputs)
        return [try Tensor(x.strings.map(pattern.matchesAll), x.dims)]
    }
}
