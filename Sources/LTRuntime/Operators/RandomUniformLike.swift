// RandomUniformLike: a tensor of the shape of X, drawn evenly from low (default 0) to high (default 1), high excluded,
// in the type `dtype` (default: the type of X).
// Without a seed the numbers are the same in every run all the same (see Randomness.swift).
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__RandomUniformLike.html

import LTCore

struct RandomUniformLikeOperator: RandomLikeOperator {
    static let schema = OperatorSchema("RandomUniformLike", opsets: 1...Opset.latest, inputs: 1...1, types: .all)

    let randomness: Randomness
    let distribution: Distribution

    init(_ node: OperatorNode) throws(LTError) {
        randomness = try Randomness(node, types: .reals)
        distribution = try .uniform(node)
    }
}
