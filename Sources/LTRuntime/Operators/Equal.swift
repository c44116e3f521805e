// Equal: C = (A = B), elementwise with broadcasting. Opset 11 added floats, 13 bfloat16, 19 strings.
// https://onnx.ai/onnx/operators/onnx__Equal.html

import LTCore

struct EqualOperator: Operator {
    static let schema = OperatorSchema(
        "Equal", opsets: 7...Opset.latest, inputs: 2...2, types: .numbers.union([.bool, .string]))

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let a = try Self.first(inputs)
        let b = try inputs.required(1, [a.type])
        return [Facts(.bool, try broadcast([a.dims, b.dims]))]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let result = try Tensor.output(.bool, try outputShape(inputs))
        var (a, b) = (inputs[0]!, inputs[1]!)
        if a.type.isHalf { (a, b) = (try a.cast(to: .float32), try b.cast(to: .float32)) }
        func compare<T: TensorElement & Equatable>(_: T.Type) {
            zip(a, b, into: result, (T, T, Bool).self) { $0 == $1 }
        }
        switch a.type {
        case .float32: compare(Float.self)
        case .float64: compare(Double.self)
        case .bool: compare(Bool.self)
        case .string:
            let left = StridedIndices(result.dims, broadcastStrides(a.dims, to: result.dims))
            let right = StridedIndices(result.dims, broadcastStrides(b.dims, to: result.dims))
            let flags = result.elements(Bool.self)
            for (index, places) in zip(left, right).enumerated() {
                // By bytes: Swift compares strings by canonical equivalence.
                flags[index] = a.strings[places.0].utf8.elementsEqual(b.strings[places.1].utf8)
            }
        default:
            // Integers are equal when their bits are.
            (a, b) = (a.unsigned, b.unsigned)
            switch a.type {
            case .uint8: compare(UInt8.self)
            case .uint16: compare(UInt16.self)
            case .uint32: compare(UInt32.self)
            default: compare(UInt64.self)
            }
        }
        return [result]
    }
}
