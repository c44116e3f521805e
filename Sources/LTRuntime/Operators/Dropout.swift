// Dropout: Y = X, and the mask is all true; in training each element is kept (divided by 1 − ratio) with probability
// 1 − ratio, else 0. Opset 10 made the mask bool, 12 made ratio and training_mode inputs and added seed (before it there is
// no training), 13 and 22 added types. Without a seed the node's name is one, so that every run draws the same.
// https://onnx.ai/onnx/operators/onnx__Dropout.html

import LTCore

struct DropoutOperator: Operator {
    static let schema = OperatorSchema(
        "Dropout", opsets: 7...Opset.latest, inputs: 1...3, outputs: 1...2,
        types: .reals.union([.float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz]))

    let hasBoolMask: Bool
    let seed: UInt64

    init(_ node: OperatorNode) throws(LTError) {
        hasBoolMask = node.opset >= 10
        seed = try node.node.int("seed").map { UInt64(bitPattern: Int64($0)) } ?? node.nameSeed
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        for (index, name, types) in [(1, "ratio", Self.schema.types), (2, "training_mode", [.bool])] {
            if let count = try inputs.optional(index, types)?.shape?.count, count != 1 {
                throw LTError(.shapeMismatch, "\(name) has \(count) elements, expected 1")
            }
        }
        return [Facts(x.type, x.dims), Facts(hasBoolMask ? .bool : x.type, x.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        let x = inputs[0]!
        func input(_ index: Int) -> Tensor? { index < inputs.count ? inputs[index] : nil }
        guard input(2)?.elements(Bool.self).first ?? false, let ratio = try ratio(input(1)), ratio != 0 else {
            let one = try Tensor(scalar: true).cast(to: hasBoolMask ? .bool : x.type)
            return [x, try one.picking(x.shape, from: repeatElement(0, count: x.count))]
        }
        let mask = try Tensor.output(.bool, x.shape)
        let wide = try x.cast(to: .float64)
        let result = try Tensor.output(.float64, x.shape)
        let (source, target, kept) = (
            wide.elements(Double.self), result.elements(Double.self), mask.elements(Bool.self)
        )
        var generator = SeededGenerator(seed: seed)
        for index in target.indices {
            kept[index] = generator.uniform() >= ratio
            target[index] = kept[index] ? source[index] / (1 - ratio) : 0
        }
        withExtendedLifetime(wide) {}
        return [try result.cast(to: x.type), mask]
    }

    private func ratio(_ input: Tensor?) throws(LTError) -> Double? {
        guard let input else { return 0.5 }
        let ratio = try input.cast(to: .float64).array(of: Double.self).first ?? 0
        guard ratio >= 0, ratio < 1 else { throw LTError(.invalidArgument, "ratio is \(ratio), expected 0 up to 1") }
        return ratio
    }
}
