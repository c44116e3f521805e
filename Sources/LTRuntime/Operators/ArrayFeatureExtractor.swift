// ArrayFeatureExtractor: the elements of X at the indices Y along the last axis: Z[…, k] = X[…, Y[k]]; Y is flattened, a
// vector X counts as one row. https://onnx.ai/onnx/operators/onnx_aionnxml_ArrayFeatureExtractor.html

import LTCore

struct ArrayFeatureExtractorOperator: Operator {
    static let schema = OperatorSchema(
        classical: "ArrayFeatureExtractor", inputs: 2...2, types: .features.union([.string]))

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let (x, y) = (try Self.first(inputs), try inputs.required(1, [.int64]))
        guard let dims = try x.dims("X", ranks: 1...Int.max) else { return [Facts(x.type, nil)] }
        let count = try y.dims.flatMap { (dims) throws(LTError) in try dims.product() }
        return [Facts(x.type, (dims.count == 1 ? [1] : Array(dims.dropLast())) + [count])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let x = inputs[0]!
        let last = x.shape.rank - 1
        let places = try inputs[1]!.integers("Y").checked(size: x.dims[last])
        guard shape.count > 0 else { return [try x.picking(shape, from: EmptyCollection())] }
        let rows = x.dims[..<last].reduce(1, *)
        return [
            try x.picking(shape, from: MappedIndices(tables: [Array(0..<rows), places], strides: [x.dims[last], 1]))
        ]
    }
}
