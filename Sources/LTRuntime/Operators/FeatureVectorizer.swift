// FeatureVectorizer: matrices [N, C] (vectors count as [1, C]) one after the other along the columns, as float32;
// inputdimensions says how many columns each gives, cut off or filled with 0.
// https://onnx.ai/onnx/operators/onnx_aionnxml_FeatureVectorizer.html

import LTCore

struct FeatureVectorizerOperator: Operator {
    static let schema = OperatorSchema(classical: "FeatureVectorizer", inputs: 1...Int.max)

    let columns: [Int]

    init(_ node: OperatorNode) throws(LTError) {
        columns = try Window.extents(node.node, "inputdimensions", from: 0) ?? []
        guard columns.count == node.node.inputs.count else {
            throw LTError(
                .malformed,
                "attribute 'inputdimensions' has \(columns.count) values for \(node.node.inputs.count) inputs")
        }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let type = try Self.first(inputs).type
        var rows: Int?
        for index in inputs.indices {
            let own = try FeatureRows.dims(try inputs.required(index, [type])).rows
            guard agree(rows, own) else {
                throw LTError(.shapeMismatch, "input \(index) has \(own ?? 0) rows, others have \(rows ?? 0)")
            }
            rows = rows ?? own
        }
        return [Facts(.float32, [rows, try columns.map(Optional.some).sum()])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let result = try Tensor.output(.float32, try outputShape(inputs))
        let target = result.elements(Float.self)
        let width = result.dims[1]
        var first = 0
        for (input, count) in zip(inputs, columns) {
            let source = try FeatureRows(input!)
            for row in 0..<result.dims[0] {
                let values = source[row].prefix(count)
                let start = row * width + first
                for (index, value) in values.enumerated() { target[start + index] = Float(value) }
                for index in values.count..<count { target[start + index] = 0 }
            }
            first += count
        }
        return [result]
    }
}
