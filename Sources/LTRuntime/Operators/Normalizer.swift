// Normalizer: each row of X [N, C] (or X [C]) divided by its largest element (MAX), by the sum of its magnitudes (L1) or by
// the root of the sum of its squares (L2); a row whose divisor is 0 stays. The result is float32.
// https://onnx.ai/onnx/operators/onnx_aionnxml_Normalizer.html

import LTCore

struct NormalizerOperator: Operator {
    static let schema = OperatorSchema(classical: "Normalizer")

    enum Norm: String {
        case max = "MAX"
        case l1 = "L1"
        case l2 = "L2"
    }

    let norm: Norm

    init(_ node: OperatorNode) throws(LTError) {
        let name = try node.node.string("norm") ?? "MAX"
        guard let norm = Norm(rawValue: name) else {
            throw LTError(.invalidArgument, "attribute 'norm' is '\(name)', expected MAX, L1 or L2")
        }
        self.norm = norm
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        return [Facts(.float32, try x.dims("X", ranks: 1...2))]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let result = try Tensor.output(.float32, try outputShape(inputs))
        let (x, target) = (try FeatureRows(inputs[0]!), result.elements(Float.self))
        for row in 0..<(target.count == 0 ? 0 : x.rows) {
            let values = x[row]
            let divisor =
                switch norm {
                case .max: values.max() ?? 0
                case .l1: values.reduce(0) { $0 + abs($1) }
                case .l2: values.reduce(0) { $0 + $1 * $1 }.squareRoot()
                }
            for (index, value) in zip(row * x.features..<(row + 1) * x.features, values) {
                target[index] = Float(divisor == 0 ? value : value / divisor)
            }
        }
        return [result]
    }
}
