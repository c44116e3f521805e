// Upsample: Resize with asymmetric coordinates and floor as nearest; scales are an attribute before opset 9, an input in 9.
// Deprecated in opset 10 in favour of Resize. https://onnx.ai/onnx/operators/onnx__Upsample.html

import LTCore

struct UpsampleOperator: Operator {
    static let schema = OperatorSchema("Upsample", opsets: 7...9, inputs: 1...2, types: .all)

    let interpolation: Interpolation
    /// Before opset 9.
    let scales: [Float]?

    init(_ node: OperatorNode) throws(LTError) {
        let mode = try node.node.string("mode") ?? "nearest"
        guard mode == "nearest" || mode == "linear" else {
            throw LTError(.invalidArgument, "attribute 'mode' is '\(mode)', expected nearest or linear")
        }
        interpolation = Interpolation(mode: mode == "nearest" ? .nearest : .linear)
        scales = node.opset < 9 ? try node.node.floats("scales") : nil
        guard scales != nil || node.opset >= 9 else { throw LTError(.malformed, "attribute 'scales' is missing") }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        try interpolation.check(x.type)
        guard let dims = x.dims else { return [Facts(x.type, nil)] }
        guard let scales = try scales(inputs) else { return [Facts(x.type, try unknownDims(dims.count))] }
        var result: [Int?] = []
        try checkScales(scales, rank: dims.count)
        for (dim, scale) in zip(dims, scales) {
            result.append(try dim.map { (dim) throws(LTError) in try scaledExtent(dim, Double(scale)) })
        }
        return [Facts(x.type, result)]
    }

    private func scales(_ inputs: [Facts?]) throws(LTError) -> [Float]? {
        if let scales { return scales }
        return try inputs.required(1, [.float32]).value?.array(of: Float.self)
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let x = inputs[0]!
        let scales = try scales(inputs.map { $0.map { Facts($0) } }) ?? []
        let axes = x.dims.indices.map {
            ResizeAxis(input: x.dims[$0], output: shape[$0], scale: Double(scales[$0]))
        }
        return [try interpolation.resize(x, axes)]
    }
}
