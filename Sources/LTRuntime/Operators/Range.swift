// Range: start, start + delta, … below (above, for a negative delta) limit: max(0, ⌈(limit − start) / delta⌉) elements.
// New in opset 11.
// https://onnx.ai/onnx/operators/onnx__Range.html

import LTCore

struct RangeOperator: NumberOperator {
    static let schema = OperatorSchema(
        "Range", opsets: 11...Opset.latest, inputs: 3...3, types: [.float32, .float64, .int16, .int32, .int64])

    init(_ node: OperatorNode) throws(LTError) {}

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let type = try Self.first(inputs).type
        var values: [Tensor] = []
        for (index, name) in ["start", "limit", "delta"].enumerated() {
            let input = try inputs.required(index, [type])
            if let count = try input.dims?.product(), count != 1 {
                throw LTError(.shapeMismatch, "\(name) has \(count) elements, expected a scalar")
            }
            if let value = input.value { values.append(value) }
        }
        guard values.count == 3 else { return [Facts(type, [nil])] }
        let count: Double
        if type.isInteger {
            let numbers = try values.map { (value) throws(LTError) in
                try value.cast(to: .int64).array(of: Int64.self)[0]
            }
            guard numbers[2] != 0 else { throw LTError(.invalidArgument, "delta is 0, expected another number") }
            let up = numbers[2] > 0
            guard up ? numbers[1] > numbers[0] : numbers[1] < numbers[0] else { return [Facts(type, [0])] }
            let distance = up ? numbers[1] &- numbers[0] : numbers[0] &- numbers[1]
            let steps = (UInt64(bitPattern: distance) - 1) / numbers[2].magnitude
            count = steps < 1 << 40 ? Double(steps + 1) : .infinity
        } else {
            let numbers = try values.map { (value) throws(LTError) in
                try value.cast(to: .float64).array(of: Double.self)[0]
            }
            guard numbers[2] != 0, numbers.allSatisfy(\.isFinite) else {
                throw LTError(.invalidArgument, "range \(numbers), expected finite numbers and a delta other than 0")
            }
            count = max(0, ((numbers[1] - numbers[0]) / numbers[2]).rounded(.up))
        }
        guard count <= Double(OperatorLimits.outputBytes) else {
            throw LTError(.outOfMemory, "a range of more than \(OperatorLimits.outputBytes) elements")
        }
        return [Facts(type, [Int(count)])]
    }

    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (start, delta) = (inputs[0]!.elements(T.self)[0], inputs[2]!.elements(T.self)[0])
        let y = outputs[0].elements(T.self)
        var step = T.zero
        for index in y.indices {
            y[index] = start.plus(step.times(delta))
            step = step.plus(.one)
        }
    }
}
