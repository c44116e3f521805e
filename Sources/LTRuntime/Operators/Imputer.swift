// Imputer: X with every element that equals the replaced value (NaN equals NaN) changed to the imputed one: one for all, or
// one per feature, the last axis. Floats have imputed_value_floats and replaced_value_float, integers
// imputed_value_int64s and replaced_value_int64. https://onnx.ai/onnx/operators/onnx_aionnxml_Imputer.html

import LTCore

struct ImputerOperator: NumberOperator {
    static let schema = OperatorSchema(classical: "Imputer")

    let floats: [Float]
    let integers: [Int]
    let replacedFloat: Float
    let replacedInteger: Int

    init(_ node: OperatorNode) throws(LTError) {
        floats = try node.node.floats("imputed_value_floats") ?? []
        integers = try node.node.ints("imputed_value_int64s") ?? []
        replacedFloat = try node.node.float("replaced_value_float") ?? 0
        replacedInteger = try node.node.int("replaced_value_int64") ?? 0
        guard floats.isEmpty != integers.isEmpty else {
            throw LTError(.malformed, "expected one of the attributes imputed_value_floats and imputed_value_int64s")
        }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        guard x.type.isInteger == floats.isEmpty else {
            let kind = floats.isEmpty ? "integers" : "floats"
            throw LTError(.typeMismatch, "input 0 is tensor(\(x.type.onnxName)), the imputed values are \(kind)")
        }
        let count = max(floats.count, integers.count)
        if let dims = x.dims, count != 1, !agree(dims.last ?? nil, count) {
            throw LTError(.shapeMismatch, "\(count) imputed values for \(dims.text), expected 1 or one per feature")
        }
        return [Facts(x.type, x.dims)]
    }

    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (source, target) = (inputs[0]!.elements(T.self), outputs[0].elements(T.self))
        let (replaced, imputed): (T, [T]) =
            floats.isEmpty
            ? (try Self.exact(replacedInteger), try integers.map { (value) throws(LTError) in try Self.exact(value) })
            : (T(saturating: Double(replacedFloat)), floats.map { T(saturating: Double($0)) })
        for index in source.indices {
            let value = source[index]
            let isReplaced = value == replaced || value.isNaN && replaced.isNaN
            target[index] = isReplaced ? imputed[index % imputed.count] : value
        }
    }

    /// An attribute's integer in the tensor's type.
    private static func exact<T: Number>(_ value: Int) throws(LTError) -> T {
        let tensor = try Tensor(scalar: Int64(value)).cast(to: T.elementType)
        return tensor.elements(T.self)[0]
    }
}
