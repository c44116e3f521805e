// Pow: Z = X^Y, elementwise with broadcasting; Z has the type of X. Integers to integer powers wrap around.
// Opset 12 added integers and exponents of another type, 13 and 15 bfloat16.
// https://onnx.ai/onnx/operators/onnx__Pow.html

import LTCore

struct PowOperator: NumberOperator {
    static let schema = OperatorSchema(
        "Pow", opsets: 7...Opset.latest, inputs: 2...2, types: .reals.union([.int32, .int64]))

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let y = try inputs.required(1, .numbers)
        return [Facts(x.type, try broadcast([x.dims, y.dims]))]
    }

    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (x, y) = (inputs[0]!, inputs[1]!)
        if x.type.isInteger && y.type.isInteger {
            zip(x, try y.cast(to: .int64), into: outputs[0], (T, Int64, T).self) { raise($0, to: $1) }
        } else {
            zip(x, try y.cast(to: .float64), into: outputs[0], (T, Double, T).self) {
                T(saturating: $0.double.power($1))
            }
        }
    }

    /// By squaring; a negative power of an integer is what truncation leaves of 1 / x^n.
    private func raise<T: Number>(_ base: T, to exponent: Int64) -> T {
        if exponent < 0 {
            if base == .one { return .one }
            if base == T.one.negated { return exponent % 2 == 0 ? .one : base }
            return .zero
        }
        var (result, square, rest) = (T.one, base, exponent)
        while rest > 0 {
            if rest & 1 == 1 { result = result.times(square) }
            square = square.times(square)
            rest >>= 1
        }
        return result
    }
}
