// NegativeLogLikelihoodLoss: -weight[t] · X[n, t, …] for log-probabilities X (N, C, …) and class indices t (N, …), each,
// summed or averaged over the weights (attribute reduction); targets of ignore_index count nothing.
// New in opset 12; 13 only said more, 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__NegativeLogLikelihoodLoss.html

import LTCore

struct NegativeLogLikelihoodLossOperator: ClassificationLoss {
    static let schema = OperatorSchema(
        "NegativeLogLikelihoodLoss", opsets: 12...Opset.latest, inputs: 2...3, types: .reals)

    let settings: LossSettings

    init(_ node: OperatorNode) throws(LTError) { settings = try LossSettings(node) }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] { [try loss(inputs)] }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        try reduce(inputs[0]!, inputs, into: outputs[0], T.self)
    }
}
