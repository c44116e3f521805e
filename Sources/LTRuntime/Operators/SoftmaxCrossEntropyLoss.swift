// SoftmaxCrossEntropyLoss: NegativeLogLikelihoodLoss of the log-softmax of the scores over axis 1; the log-probabilities
// are the optional second output.
// New in opset 12; 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__SoftmaxCrossEntropyLoss.html

import LTCore

struct SoftmaxCrossEntropyLossOperator: ClassificationLoss {
    static let schema = OperatorSchema(
        "SoftmaxCrossEntropyLoss", opsets: 12...Opset.latest, inputs: 2...3, outputs: 1...2, types: .reals)

    let settings: LossSettings

    init(_ node: OperatorNode) throws(LTError) { settings = try LossSettings(node) }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let loss = try loss(inputs)
        return [loss, Facts(loss.type, inputs[0]?.dims)]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (x, y) = (inputs[0]!.elements(T.self), outputs[1].elements(T.self))
        let lines = Lines(outputs[1].dims, axis: 1)
        for line in 0..<lines.count { softmax(x, into: y, at: lines.places(line), isLog: true) }
        try reduce(outputs[1], inputs, into: outputs[0], T.self)
    }
}
