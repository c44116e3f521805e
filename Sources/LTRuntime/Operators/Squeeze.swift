// Squeeze: drops the axes named (an attribute before opset 13, input 1 from it on), or all of extent 1.
// Opset 11 allowed negative axes; later opsets only added types.
// https://onnx.ai/onnx/operators/onnx__Squeeze.html

import LTCore

struct SqueezeOperator: Operator {
    static let schema = OperatorSchema("Squeeze", opsets: 1...Opset.latest, inputs: 1...2, types: .all)

    let axes: AxesSource

    init(_ node: OperatorNode) throws(LTError) { axes = try AxesSource(node, inputSince: 13) }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        guard let dims = x.dims else { return [Facts(x.type, nil)] }
        switch try axes.values(inputs) {
        case .unknown: return [Facts(x.type, nil)]
        case .absent:
            guard !dims.contains(nil) else { return [Facts(x.type, nil)] }
            return [try x.reshaped(dims.filter { $0 != 1 })]
        case .known(let named):
            let dropped = try positions(named, rank: dims.count)
            for axis in dropped where !agree(dims[axis], 1) {
                throw LTError(.shapeMismatch, "axis \(axis) of \(dims.text) is squeezed, expected extent 1")
            }
            return [try x.reshaped(dims.indices.filter { !dropped.contains($0) }.map { dims[$0] })]
        }
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        return [try inputs[0]!.reshaped(shape)]
    }
}
