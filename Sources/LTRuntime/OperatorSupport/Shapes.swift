// Shapes: small things that shape operators share: axes that moved from attribute to input, index checks, sums.

import LTCore

/// Axes that are an attribute up to some opset and an input from it on.
struct AxesSource: Sendable {
    enum Axes {
        case absent
        /// They depend on a value that is not known yet.
        case unknown
        case known([Int])
    }

    private let attribute: [Int]?
    private let isInput: Bool

    init(_ node: OperatorNode, inputSince opset: Int) throws(LTError) {
        isInput = node.opset >= opset
        attribute = isInput ? nil : try node.node.ints("axes")
        guard isInput || node.node.inputs.count == 1 else {
            throw LTError(.malformed, "axes as an input in opset \(node.opset), expected the attribute 'axes'")
        }
    }

    func values(_ inputs: [Facts?]) throws(LTError) -> Axes {
        guard isInput else { return attribute.map { .known($0) } ?? .absent }
        guard let input = try inputs.optional(1, [.int64]) else { return .absent }
        return try input.integers("axes").map { .known($0) } ?? .unknown
    }
}

/// Dimensions of which only the number is known.
func unknownDims(_ rank: Int) throws(LTError) -> [Int?] {
    guard rank >= 0, rank <= 1 << 16 else { throw LTError(.shapeMismatch, "rank \(rank), expected at most \(1 << 16)") }
    return [Int?](repeating: nil, count: rank)
}

extension Int {
    /// An index into an axis of `size`, a negative one counted from the end.
    func checkedIndex(size: Int) throws(LTError) -> Int {
        guard self >= -size, self < size else {
            throw LTError(.invalidArgument, "index \(self), expected -\(size) to \(size - 1)")
        }
        return self < 0 ? self + size : self
    }
}

extension Array where Element == Int {
    /// Indices into an axis of `size`, negative ones counted from the end.
    func checked(size: Int) throws(LTError) -> [Int] {
        try map { (index) throws(LTError) in try index.checkedIndex(size: size) }
    }
}

extension Array where Element == Int? {
    /// The sum where every element is known.
    func sum() throws(LTError) -> Int? {
        var total = 0
        for element in self {
            guard let element else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(element)
            guard !overflow else { throw LTError(.shapeMismatch, "\(text) adds up to more than memory can address") }
            total = sum
        }
        return total
    }
}

extension Tensor {
    /// An integer tensor's bits as unsigned numbers.
    var unsigned: Tensor {
        let types: [Int: ElementType] = [8: .uint8, 16: .uint16, 32: .uint32]
        return Tensor(types[type.bits] ?? .uint64, shape, buffer: buffer, byteOffset: byteOffset)
    }
}

/// Mean and √(variance + epsilon) of some numbers, in double precision, by two passes.
func moments<T: Real>(_ values: Slice<UnsafeMutableBufferPointer<T>>, epsilon: Float) -> (
    mean: Double, deviation: Double
) {
    let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
    let variance = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(values.count)
    return (mean, (variance + Double(epsilon)).squareRoot())
}
