// Elementwise: operators of one formula per element. An operator of these families states its schema and its formula;
// shapes (NumPy's broadcasting), types and loops are here. https://onnx.ai/onnx/repo-docs/Broadcasting.html

import LTCore

/// Broadcast dimensions: aligned at the end, 1 stretches; an unknown dimension stays unknown unless the other says > 1.
func broadcast(_ shapes: [[Int?]?]) throws(LTError) -> [Int?]? {
    var result: [Int?] = []
    for dims in shapes {
        guard let dims else { return nil }
        if dims.count > result.count {
            result.insert(contentsOf: [Int?](repeating: 1, count: dims.count - result.count), at: 0)
        }
        for (axis, dim) in zip(result.count - dims.count..<result.count, dims) {
            switch (result[axis], dim) {
            case (1, _): result[axis] = dim
            case (_, 1): break
            case (let known?, let other?):
                guard known == other else {
                    let shapes = shapes.map { $0?.text ?? "?" }.joined(separator: " and ")
                    throw LTError(.shapeMismatch, "shapes \(shapes) do not broadcast, expected equal dimensions or 1")
                }
            case (nil, let other?): result[axis] = other
            case (_, nil): break
            }
        }
    }
    return result
}

/// Strides of a tensor seen under a broadcast shape: 0 where it is stretched.
func broadcastStrides(_ dims: [Int], to target: [Int]) -> [Int] {
    var strides = [Int](repeating: 0, count: target.count)
    var step = 1
    for axis in stride(from: dims.count - 1, through: 0, by: -1) {
        if dims[axis] != 1 { strides[target.count - dims.count + axis] = step }
        step *= dims[axis]
    }
    return strides
}

/// `result[i] = formula(a[i], b[i])` with both broadcast to the result's shape.
func zip<A: TensorElement, B: TensorElement, C: TensorElement>(
    _ a: Tensor, _ b: Tensor, into result: Tensor, _: (A, B, C).Type, _ formula: (A, B) -> C
) {
    let (x, y, z) = (a.elements(A.self), b.elements(B.self), result.elements(C.self))
    if a.dims == b.dims {
        for index in z.indices { z[index] = formula(x[index], y[index]) }
        return
    }
    var left = StridedIndices(result.dims, broadcastStrides(a.dims, to: result.dims)).makeIterator()
    var right = StridedIndices(result.dims, broadcastStrides(b.dims, to: result.dims)).makeIterator()
    for index in z.indices {
        guard let i = left.next(), let j = right.next() else { return }
        z[index] = formula(x[i], y[j])
    }
}

/// Y = f(X) for real numbers.
protocol UnaryRealOperator: RealOperator {
    func formula<T: Real>(_ x: T) -> T
}

extension UnaryRealOperator {
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        return [Facts(x.type, x.dims)]
    }
    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (x, y) = (inputs[0]!.elements(T.self), outputs[0].elements(T.self))
        for index in y.indices { y[index] = formula(x[index]) }
    }
}

/// Y = p(X) for real numbers; Y is bool.
protocol PredicateOperator: RealOperator {
    func formula<T: Real>(_ x: T) -> Bool
}

extension PredicateOperator {
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] { [Facts(.bool, try Self.first(inputs).dims)] }
    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (x, y) = (inputs[0]!.elements(T.self), outputs[0].elements(Bool.self))
        for index in y.indices { y[index] = formula(x[index]) }
    }
}

/// Y = f(X) for all numbers.
protocol UnaryNumberOperator: NumberOperator {
    func formula<T: Number>(_ x: T) -> T
}

extension UnaryNumberOperator {
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        return [Facts(x.type, x.dims)]
    }
    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (x, y) = (inputs[0]!.elements(T.self), outputs[0].elements(T.self))
        for index in y.indices { y[index] = formula(x[index]) }
    }
}

/// C = f(A, B) with broadcasting; both of one type.
protocol BinaryOperator: NumberOperator {
    func formula<T: Number>(_ a: T, _ b: T) -> T
}

extension BinaryOperator {
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let a = try Self.first(inputs)
        let b = try inputs.required(1, [a.type])
        return [Facts(a.type, try broadcast([a.dims, b.dims]))]
    }
    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        zip(inputs[0]!, inputs[1]!, into: outputs[0], (T, T, T).self) { formula($0, $1) }
    }
}

/// C = f(A, B) of integers' bits, with broadcasting; all of one type.
protocol BinaryBitsOperator: BitsOperator {
    func formula<T: Bits>(_ a: T, _ b: T) -> T
}

extension BinaryBitsOperator {
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let a = try Self.first(inputs)
        let b = try inputs.required(1, [a.type])
        return [Facts(a.type, try broadcast([a.dims, b.dims]))]
    }
    func kernel<T: Bits>(_: T.Type, _ inputs: [Tensor], _ output: Tensor) {
        zip(inputs[0], inputs[1], into: output, (T, T, T).self) { formula($0, $1) }
    }
}

/// C = f(A, B) with broadcasting; both of one type, C is bool.
protocol ComparisonOperator: NumberOperator {
    func formula<T: Number>(_ a: T, _ b: T) -> Bool
}

extension ComparisonOperator {
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let a = try Self.first(inputs)
        let b = try inputs.required(1, [a.type])
        return [Facts(.bool, try broadcast([a.dims, b.dims]))]
    }
    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        zip(inputs[0]!, inputs[1]!, into: outputs[0], (T, T, Bool).self) { formula($0, $1) }
    }
}

/// C = f(A, B) with broadcasting, all bool.
protocol LogicalOperator: Operator {
    func formula(_ a: Bool, _ b: Bool) -> Bool
}

extension LogicalOperator {
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let a = try Self.first(inputs)
        let b = try inputs.required(1, [.bool])
        return [Facts(.bool, try broadcast([a.dims, b.dims]))]
    }
    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let result = try Tensor.output(.bool, try outputShape(inputs))
        zip(inputs[0]!, inputs[1]!, into: result, (Bool, Bool, Bool).self) { formula($0, $1) }
        return [result]
    }
}

/// One or more tensors of one type folded with broadcasting: Max, Mean, Min, Sum.
protocol VariadicOperator: NumberOperator {
    func formula<T: Number>(_ a: T, _ b: T) -> T
    /// Makes the result of the fold of `count` inputs.
    func finish<T: Number>(_ folded: T, count: Int) -> T
}

extension VariadicOperator {
    func finish<T: Number>(_ folded: T, count: Int) -> T { folded }
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let type = try Self.first(inputs).type
        var dims: [[Int?]?] = []
        for index in inputs.indices { dims.append(try inputs.required(index, [type]).dims) }
        return [Facts(type, try broadcast(dims))]
    }
    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let result = outputs[0]
        let y = result.elements(T.self)
        for (number, input) in inputs.enumerated() {
            let x = input!.elements(T.self)
            let sources = StridedIndices(result.dims, broadcastStrides(input!.dims, to: result.dims))
            for (index, source) in sources.enumerated() {
                y[index] = number == 0 ? x[source] : formula(y[index], x[source])
            }
        }
        for index in y.indices { y[index] = finish(y[index], count: inputs.count) }
    }
}
