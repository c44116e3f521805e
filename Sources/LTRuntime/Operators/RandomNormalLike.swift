// RandomNormalLike: a tensor of the shape of X, drawn from the normal distribution of mean and standard deviation `scale`,
// in the type `dtype` (default: the type of X).
// Without a seed the numbers are the same in every run all the same (see Randomness.swift).
// Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__RandomNormalLike.html

import LTCore

struct RandomNormalLikeOperator: RandomLikeOperator {
    static let schema = OperatorSchema("RandomNormalLike", opsets: 1...Opset.latest, inputs: 1...1, types: .all)

    let randomness: Randomness
    let distribution: Distribution

    init(_ node: OperatorNode) throws(LTError) {
        randomness = try Randomness(node, types: .reals)
        distribution = try .normal(node)
    }
}
