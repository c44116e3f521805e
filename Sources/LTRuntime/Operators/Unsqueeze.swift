// Unsqueeze: inserts axes of extent 1 at the places named, as positions in Y (an attribute before opset 13, input 1 from
// it on). Opset 11 allowed negative axes; later opsets only added types.
// https://onnx.ai/onnx/operators/onnx__Unsqueeze.html

import LTCore

struct UnsqueezeOperator: Operator {
    static let schema = OperatorSchema("Unsqueeze", opsets: 1...Opset.latest, inputs: 1...2, types: .all)

    let axes: AxesSource

    init(_ node: OperatorNode) throws(LTError) { axes = try AxesSource(node, inputSince: 13) }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        switch try axes.values(inputs) {
        case .absent: throw LTError(.malformed, "axes are missing, expected the places of the new axes")
        case .unknown: return [Facts(x.type, nil)]
        case .known(let named):
            guard let dims = x.dims else { return [Facts(x.type, nil)] }
            let added = try positions(named, rank: dims.count + named.count)
            var rest = dims.makeIterator()
            var result: [Int?] = []
            for axis in 0..<dims.count + named.count { result.append(added.contains(axis) ? 1 : rest.next() ?? nil) }
            return [try x.reshaped(result)]
        }
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        return [try inputs[0]!.reshaped(shape)]
    }
}
