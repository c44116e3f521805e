// StringNormalizer: the strings of X ([C] or [1, C]) without the stop words, in upper or lower case or as they are
// (case_change_action); one "" where nothing is left. Stop words compare by case where is_case_sensitive is 1.
// Letters change case as Unicode says for all languages: a `locale` with rules of its own is refused.
// New in opset 10.
// https://onnx.ai/onnx/operators/onnx__StringNormalizer.html

import LTCore

struct StringNormalizerOperator: Operator {
    static let schema = OperatorSchema(
        "StringNormalizer", opsets: 10...Opset.latest, inputs: 1...1, types: [.string])

    enum CaseChange: String, CaseIterable {
        case none = "NONE"
        case lower = "LOWER"
        case upper = "UPPER"
    }

    let change: CaseChange
    let isCaseSensitive: Bool
    let stopWords: Set<[UInt8]>

    init(_ node: OperatorNode) throws(LTError) {
        change = try node.choice("case_change_action", default: CaseChange.none)
        let isCaseSensitive = try node.node.int("is_case_sensitive") ?? 0 != 0
        self.isCaseSensitive = isCaseSensitive
        stopWords = Set(
            (try node.node.strings("stopwords") ?? []).map { Array((isCaseSensitive ? $0 : $0.lowercased()).utf8) })
        let locale = try node.node.string("locale") ?? ""
        if ["az", "lt", "tr"].contains(locale.prefix(2).lowercased()) {
            throw LTError(.unsupported, "attribute 'locale' is '\(locale)', expected one without case rules of its own")
        }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        guard let dims = try Self.first(inputs).dims("X", ranks: 1...2) else { return [Facts(.string, nil)] }
        guard dims.count == 1 || agree(dims[0], 1) else {
            throw LTError(.shapeMismatch, "X \(dims.text), expected [C] or [1,C]")
        }
        return [Facts(.string, dims.count == 1 ? [nil] : [1, nil])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let x = try Self.text(inputs)
        _ = try infer([Facts(x)])
        var kept = x.strings.filter { word in
            stopWords.isEmpty || !stopWords.contains(Array((isCaseSensitive ? word : word.lowercased()).utf8))
        }
        switch change {
        case .none: break
        case .lower: kept = kept.map { $0.lowercased() }
        case .upper: kept = kept.map { $0.uppercased() }
        }
        if kept.isEmpty { kept = [""] }
        return [try Tensor(strings: kept, x.shape.rank == 1 ? [kept.count] : [1, kept.count])]
    }
}
