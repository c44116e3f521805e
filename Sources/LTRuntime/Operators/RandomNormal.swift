// RandomNormal: a tensor of the attributes `shape` and `dtype` (default float), drawn from the normal distribution of mean and standard deviation `scale`.
// Without a seed the numbers are the same in every run all the same (see Randomness.swift).
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__RandomNormal.html

import LTCore

struct RandomNormalOperator: RandomShapeOperator {
    static let schema = OperatorSchema("RandomNormal", opsets: 1...Opset.latest, inputs: 0...0, types: [])

    let randomness: Randomness
    let distribution: Distribution
    let shape: Shape

    init(_ node: OperatorNode) throws(LTError) {
        randomness = try Randomness(node, types: .reals)
        distribution = try .normal(node)
        shape = try Self.shape(node)
    }
}
