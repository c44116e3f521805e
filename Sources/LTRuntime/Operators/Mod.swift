// Mod: C = A mod B, elementwise with broadcasting, with the sign of B (fmod 0, integers only) or of A (fmod 1).
// An integer modulo 0 gives 0. New in opset 10; 13 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Mod.html

import LTCore

struct ModOperator: BinaryOperator {
    static let schema = OperatorSchema("Mod", opsets: 10...Opset.latest, inputs: 2...2, types: .numbers)

    let fmod: Bool

    init(_ node: OperatorNode) throws(LTError) { fmod = try node.node.int("fmod") ?? 0 != 0 }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let a = try Self.first(inputs)
        let b = try inputs.required(1, [a.type])
        guard fmod || a.type.isInteger else {
            throw LTError(
                .invalidArgument, "attribute 'fmod' is 0 for tensor(\(a.type.onnxName)), expected 1 for floats")
        }
        return [Facts(a.type, try broadcast([a.dims, b.dims]))]
    }

    func formula<T: Number>(_ a: T, _ b: T) -> T { a.modulo(b, fmod: fmod) }
}
