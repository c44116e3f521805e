// Multinomial: sample_size class indices (dtype: int32, the default, or int64) for each row of X, which holds unnormalised
// log-probabilities of the classes.
// Without a seed the numbers are the same in every run all the same (see Randomness.swift).
// New in opset 7; 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Multinomial.html

import LTCore

struct MultinomialOperator: Operator {
    static let schema = OperatorSchema("Multinomial", opsets: 7...Opset.latest, inputs: 1...1, types: .reals)

    let randomness: Randomness
    let count: Int

    init(_ node: OperatorNode) throws(LTError) {
        randomness = try Randomness(node, types: .indices)
        count = try node.node.int("sample_size") ?? 1
        guard count >= 0 else {
            throw LTError(.invalidArgument, "attribute 'sample_size' is \(count), expected at least 0")
        }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let dims = try Self.first(inputs).dims("X", ranks: 2...2)
        if dims?[1] == 0 { throw LTError(.shapeMismatch, "X \(dims!.text) has no classes, expected at least one") }
        return [Facts(randomness.type ?? .int32, [dims?[0] ?? nil, count])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let (type, shape) = try outline(inputs)[0]
        let x = try inputs[0]!.cast(to: .float64)
        let classes = x.dims[1]
        let result = try Tensor.output(.int64, shape)
        let (source, target) = (x.elements(Double.self), result.elements(Int64.self))
        var generator = randomness.generator
        for row in 0..<(count == 0 ? 0 : shape[0]) {
            let scores = source[row * classes..<(row + 1) * classes]
            let largest = scores.reduce(-.infinity) { max($0, $1) }
            var total = 0.0
            let sums = scores.map { score in
                total += (score - largest).exponential
                return total
            }
            guard total.isFinite else {
                throw LTError(
                    .notFinite, "row \(row) of X has no distribution, expected log-probabilities below infinity")
            }
            for sample in 0..<count {
                let place = generator.uniform() * total
                target[row * count + sample] = Int64(min(sums.firstIndex(after: place), classes - 1))
            }
        }
        return [try result.cast(to: type)]
    }
}

extension [Double] {
    /// The index of the first of ascending numbers that is above `value`.
    fileprivate func firstIndex(after value: Double) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] > value { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
