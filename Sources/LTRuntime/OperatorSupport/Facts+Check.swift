// Facts+Check: what operators check of their inputs before they infer; messages say actual, then expected.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Bounds that keep a small file from asking for unbounded work.
enum OperatorLimits {
    /// The most bytes that one output of one operator may take: 4 GiB, or what the environment's LT_MAX_TENSOR_BYTES
    /// says. More is an `outOfMemory` error.
    static let outputBytes = getenv("LT_MAX_TENSOR_BYTES").flatMap { Int(String(cString: $0)) } ?? 4 << 30
    /// The largest stride, dilation, pad or kernel extent; keeps sums and products of them far from overflow.
    static let extent = 1 << 24
    /// The most times that a loop runs.
    static let iterations = 1 << 16
    /// The most bytes that a loop hands on, over all iterations: a value that grows makes the work quadratic.
    static let carriedBytes = outputBytes.multipliedReportingOverflow(by: 16).partialValue
    /// The most elements of a sequence that operators build one by one.
    static let sequence = 1 << 14
}

extension Array where Element == Facts? {
    /// An input that may be left out.
    func optional(_ index: Int) -> Facts? { index < count ? self[index] : nil }

    /// An input that must be there, of one of the types.
    func required(_ index: Int, _ types: Set<ElementType> = .all) throws(LTError) -> Facts {
        guard let facts = optional(index) else {
            throw LTError(.malformed, "input \(index) is absent, expected a tensor")
        }
        try facts.expect(types, index)
        return facts
    }

    /// An input that may be left out and otherwise has one of the types.
    func optional(_ index: Int, _ types: Set<ElementType>) throws(LTError) -> Facts? {
        try optional(index)?.expect(types, index)
        return optional(index)
    }

    /// An input that may be left out and otherwise has the type of input 0.
    func like(_ index: Int) throws(LTError) -> Facts? {
        guard let first = optional(0) else { return try optional(index, .all) }
        return try optional(index, [first.type])
    }
}

extension Operator {
    /// Input 0, of a type that the schema lists.
    static func first(_ inputs: [Facts?]) throws(LTError) -> Facts { try inputs.required(0, schema.types) }
}

extension Facts {
    func expect(_ types: Set<ElementType>, _ index: Int) throws(LTError) {
        guard types.contains(type) else {
            let names = types.sorted { $0.rawValue < $1.rawValue }.map { "tensor(\($0.onnxName))" }
            throw LTError(
                .typeMismatch,
                "input \(index) is tensor(\(type.onnxName)), expected \(names.joined(separator: ", "))")
        }
    }

    /// Checks the rank, and the dimensions as far as both sides are known.
    func check(_ name: String, _ expected: [Int?]) throws(LTError) {
        guard let found = try dims(name, ranks: expected.count...expected.count) else { return }
        guard zip(found, expected).allSatisfy({ agree($0, $1) }) else {
            throw LTError(.shapeMismatch, "\(name) is \(found.text), expected \(expected.text)")
        }
    }

    /// Checks that this value broadcasts to `target` without changing it.
    func checkBroadcast(_ name: String, to target: [Int?]) throws(LTError) {
        guard let dims, let sum = try broadcast([target, dims]) else { return }
        guard sum.count == target.count, zip(sum, target).allSatisfy({ agree($0, $1) }) else {
            throw LTError(.shapeMismatch, "\(name) \(dims.text) does not broadcast to \(target.text)")
        }
    }

    /// The dimensions, when the rank is known; an error when the rank is not one of `ranks`.
    func dims(_ name: String, ranks: ClosedRange<Int>) throws(LTError) -> [Int?]? {
        guard let dims else { return nil }
        guard ranks.contains(dims.count) else {
            let expected = ranks.count == 1 ? "\(ranks.lowerBound)" : "\(ranks.lowerBound) to \(ranks.upperBound)"
            throw LTError(.shapeMismatch, "\(name) has \(dims.count) dimensions \(dims.text), expected \(expected)")
        }
        return dims
    }

    /// The elements of an integer tensor whose value is known.
    func integers(_ name: String) throws(LTError) -> [Int]? {
        guard let value else { return nil }
        switch value.type {
        case .int64: return value.elements(Int64.self).map { Int($0) }
        case .int32: return value.elements(Int32.self).map { Int($0) }
        default:
            throw LTError(
                .typeMismatch, "\(name) is tensor(\(type.onnxName)), expected tensor(int64) or tensor(int32)")
        }
    }

    /// The only element of an integer tensor whose value is known.
    func integer(_ name: String) throws(LTError) -> Int? {
        guard let values = try integers(name) else { return nil }
        guard values.count == 1 else {
            throw LTError(.shapeMismatch, "\(name) has \(values.count) elements, expected 1")
        }
        return values[0]
    }
}

extension Array where Element == Int? {
    /// `[2,?,4]`, for messages.
    var text: String { "[" + map { $0.map(String.init) ?? "?" }.joined(separator: ",") + "]" }
    /// The product where every dimension is known.
    /// - Throws: `shapeMismatch` when it overflows.
    func product() throws(LTError) -> Int? {
        if contains(0) { return 0 }
        var known: [Int] = []
        for dim in self {
            guard let dim else { return nil }
            known.append(dim)
        }
        return try Shape(known).count
    }
}

/// Whether two dimensions can be equal as far as they are known.
func agree(_ a: Int?, _ b: Int?) -> Bool {
    guard let a, let b else { return true }
    return a == b
}

/// The axis as a position within `rank`, counted from the end when negative.
func position(_ axis: Int, rank: Int) throws(LTError) -> Int {
    guard axis >= -rank, axis < rank else {
        throw LTError(.invalidArgument, "axis \(axis), expected -\(rank) to \(rank - 1)")
    }
    return axis < 0 ? axis + rank : axis
}

/// Axes as positions within `rank`, each once.
func positions(_ axes: [Int], rank: Int) throws(LTError) -> [Int] {
    // Keeps the search for repetitions below short, whatever a file says.
    guard axes.count <= 1024 else { throw LTError(.invalidArgument, "\(axes.count) axes, expected at most 1024") }
    var result: [Int] = []
    for axis in axes {
        let found = try position(axis, rank: rank)
        guard !result.contains(found) else {
            throw LTError(.invalidArgument, "axes \(axes) name axis \(found) twice, expected distinct axes")
        }
        result.append(found)
    }
    return result
}
