// ThresholdedRelu: Y = X where X > alpha, else 0, elementwise.
// New in opset 10; 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__ThresholdedRelu.html

import LTCore

struct ThresholdedReluOperator: UnaryRealOperator {
    static let schema = OperatorSchema(
        "ThresholdedRelu", opsets: 10...Opset.latest, inputs: 1...1, types: .reals)

    let alpha: Float

    init(_ node: OperatorNode) throws(LTError) { alpha = try node.node.float("alpha") ?? 1 }

    func formula<T: Real>(_ x: T) -> T { x > T(alpha) ? x : 0 }
}
