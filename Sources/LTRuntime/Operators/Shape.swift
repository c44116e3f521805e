// Shape: the dimensions of X as int64, from start up to end (since opset 15, counted from the end when negative,
// clamped to the rank).
// https://onnx.ai/onnx/operators/onnx__Shape.html

import LTCore

struct ShapeOperator: Operator {
    static let schema = OperatorSchema("Shape", opsets: 1...Opset.latest, inputs: 1...1, types: .all)

    let start: Int
    let end: Int?

    init(_ node: OperatorNode) throws(LTError) {
        start = node.opset >= 15 ? try node.node.int("start") ?? 0 : 0
        end = node.opset >= 15 ? try node.node.int("end") : nil
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        guard let dims = try Self.first(inputs).dims else { return [Facts(.int64, [nil])] }
        func clamp(_ place: Int) -> Int { max(0, min(dims.count, place < 0 ? place + dims.count : place)) }
        let first = clamp(start)
        let kept = Array(dims[first..<max(first, clamp(end ?? dims.count))])
        let known = kept.compactMap { $0 }
        guard known.count == kept.count else {
            var facts = Facts(.int64, [kept.count])
            if !known.isEmpty { facts.partial = try PartialElements(kept) }
            return [facts]
        }
        return [Facts(try Tensor(known.map(Int64.init)))]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        try infer(inputs.map { $0.map { Facts($0) } }).compactMap(\.value)
    }
}
