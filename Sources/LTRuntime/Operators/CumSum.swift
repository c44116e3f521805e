// CumSum: running sums along the axis in input 1; exclusive leaves the own element out, reverse runs from the end.
// New in opset 11; 14 added half precision.
// https://onnx.ai/onnx/operators/onnx__CumSum.html

import LTCore

struct CumSumOperator: NumberOperator {
    static let schema = OperatorSchema(
        "CumSum", opsets: 11...Opset.latest, inputs: 2...2, types: .reals.union([.int32, .int64, .uint32, .uint64]))

    let isExclusive: Bool
    let isReverse: Bool

    init(_ node: OperatorNode) throws(LTError) {
        isExclusive = try node.node.int("exclusive") ?? 0 != 0
        isReverse = try node.node.int("reverse") ?? 0 != 0
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let axis = try inputs.required(1, .indices).integer("axis")
        if let rank = x.dims?.count, let axis { _ = try position(axis, rank: rank) }
        return [Facts(x.type, x.dims)]
    }

    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        let axis = try position(try Facts(inputs[1]!).integer("axis") ?? 0, rank: x.shape.rank)
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let lines = Lines(x.dims, axis: axis)
        for line in 0..<(x.count == 0 ? 0 : lines.count) {
            var sum = T.zero
            for step in 0..<lines.length {
                let index = lines.start(line) + (isReverse ? lines.length - 1 - step : step) * lines.stride
                if isExclusive { target[index] = sum }
                sum = sum.plus(source[index])
                if !isExclusive { target[index] = sum }
            }
        }
    }
}
