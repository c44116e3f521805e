// Binarizer: 1 where X > threshold (default 0), else 0.
// https://onnx.ai/onnx/operators/onnx_aionnxml_Binarizer.html

import LTCore

struct BinarizerOperator: UnaryNumberOperator {
    static let schema = OperatorSchema(classical: "Binarizer")

    let threshold: Float

    init(_ node: OperatorNode) throws(LTError) { threshold = try node.node.float("threshold") ?? 0 }

    func formula<T: Number>(_ x: T) -> T { x.double > Double(threshold) ? .one : .zero }
}
