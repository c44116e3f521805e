// RandomUniform: a tensor of the attributes `shape` and `dtype` (default float), drawn evenly from low (default 0) to high (default 1), high excluded.
// Without a seed the numbers are the same in every run all the same (see Randomness.swift).
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__RandomUniform.html

import LTCore

struct RandomUniformOperator: RandomShapeOperator {
    static let schema = OperatorSchema("RandomUniform", opsets: 1...Opset.latest, inputs: 0...0, types: [])

    let randomness: Randomness
    let distribution: Distribution
    let shape: Shape

    init(_ node: OperatorNode) throws(LTError) {
        randomness = try Randomness(node, types: .reals)
        distribution = try .uniform(node)
        shape = try Self.shape(node)
    }
}
