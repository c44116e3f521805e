// Bernoulli: 1 with the probability X, else 0, elementwise, in the type `dtype` (default: the type of X).
// Without a seed the numbers are the same in every run all the same (see Randomness.swift).
// New in opset 15; 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Bernoulli.html

import LTCore

struct BernoulliOperator: Operator {
    static let schema = OperatorSchema("Bernoulli", opsets: 15...Opset.latest, inputs: 1...1, types: .reals)

    let randomness: Randomness

    init(_ node: OperatorNode) throws(LTError) {
        randomness = try Randomness(node, types: .numbers.union([.bool]))
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        return [Facts(randomness.type ?? x.type, x.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let (type, shape) = try outline(inputs)[0]
        let probabilities = try inputs[0]!.cast(to: .float64)
        var rest = probabilities.elements(Double.self).makeIterator()
        let drawn = try randomness.tensor(type, shape) { $0.uniform() < rest.next() ?? 0 ? 1 : 0 }
        withExtendedLifetime(probabilities) {}
        return [drawn]
    }
}
