// Reductions: the Reduce* family, ArgMax/ArgMin and the softmaxes: attributes, shapes and loops; operators state formulas.

import LTCore
import LTGraph

/// The attributes of a Reduce operator.
struct Reduction: Sendable {
    /// From the attribute; `nil` when they may come as input 1.
    let axes: [Int]?
    let takesInput: Bool
    let keepdims: Bool
    let isNoopWhenEmpty: Bool

    init(_ node: OperatorNode, axesInputSince: Int) throws(LTError) {
        takesInput = node.opset >= axesInputSince
        guard takesInput || node.node.inputs.count == 1 else {
            throw LTError(.malformed, "axes as an input in opset \(node.opset), expected the attribute 'axes'")
        }
        axes = takesInput ? nil : try node.node.ints("axes")
        keepdims = try node.node.int("keepdims") ?? 1 != 0
        isNoopWhenEmpty = takesInput ? try node.node.int("noop_with_empty_axes") ?? 0 != 0 : false
    }

    /// The axes to reduce, as positions; `nil` when they depend on a value not known yet.
    func axes(_ input: Facts?, rank: Int) throws(LTError) -> [Int]? {
        var named = axes ?? []
        if takesInput, let input {
            guard let values = try input.integers("axes") else { return nil }
            named = values
        }
        if named.isEmpty { return isNoopWhenEmpty ? [] : Array(0..<rank) }
        return try positions(named, rank: rank)
    }
}

/// An operator that reduces axes to one value each.
protocol ReductionOperator: NumberOperator {
    var reduction: Reduction { get }
    /// Reduces `count` values; `count` may be 0. `values` can be walked more than once.
    func reduce<T: Number>(_ values: some Sequence<T>, count: Int) -> T
}

extension ReductionOperator {
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let axesInput = try inputs.optional(1, [.int64])
        guard let dims = x.dims else { return [Facts(x.type, nil)] }
        guard let axes = try reduction.axes(axesInput, rank: dims.count) else {
            return [Facts(x.type, reduction.keepdims ? [Int?](repeating: nil, count: dims.count) : nil)]
        }
        var result: [Int?] = []
        for (axis, dim) in dims.enumerated() {
            if !axes.contains(axis) { result.append(dim) } else if reduction.keepdims { result.append(1) }
        }
        return [Facts(x.type, result)]
    }

    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let axesInput = inputs.count > 1 ? inputs[1] : nil
        let axes = try reduction.axes(axesInput.map { Facts($0) }, rank: x.shape.rank) ?? []
        if axes.isEmpty && reduction.isNoopWhenEmpty {
            for index in target.indices { target[index] = source[index] }
            return
        }
        let groups = AxisGroups(x.shape, axes: axes)
        for (index, start) in groups.starts.enumerated() {
            target[index] = reduce(groups.offsets.lazy.map { source[start + $0] }, count: groups.count)
        }
    }

    /// Bool maxima and minima (or, and) are those of 0 and 1.
    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        guard let x = inputs.first ?? nil, x.type == .bool, Self.schema.types.contains(.bool) else {
            return try computeNumbers(inputs)
        }
        let bytes = Tensor(.uint8, x.shape, buffer: x.buffer, byteOffset: x.byteOffset)
        return [try computeNumbers([bytes] + inputs.dropFirst())[0].cast(to: .bool)]
    }

    /// A sum: integers wrap around, floats add up in double precision.
    func summed<T: Number>(_ values: some Sequence<T>, _ term: (T) -> T) -> T {
        if T.elementType.isInteger { return values.reduce(.zero) { $0.plus(term($1)) } }
        return T(saturating: values.reduce(0.0) { $0 + term($1).double })
    }
}

/// The elements that differ only along some axes: group k has its first element at the k-th of `starts`, row-major over
/// the other axes, and its elements at `offsets` from there.
struct AxisGroups {
    let starts: StridedIndices
    let offsets: StridedIndices
    /// Elements of one group.
    let count: Int

    init(_ shape: Shape, axes: [Int]) {
        let strides = shape.strides
        let kept = shape.dims.indices.filter { !axes.contains($0) }
        let inner = shape.dims.indices.filter { axes.contains($0) }
        starts = StridedIndices(kept.map { shape.dims[$0] }, kept.map { strides[$0] })
        offsets = StridedIndices(inner.map { shape.dims[$0] }, inner.map { strides[$0] })
        count = inner.reduce(1) { $0 * shape.dims[$1] }
    }
}

extension ElementType {
    var isInteger: Bool { Set<ElementType>.integers.contains(self) }
}

/// The attributes of ArgMax and ArgMin.
struct ArgSettings: Sendable {
    let axis: Int
    let keepdims: Bool
    let selectsLast: Bool

    init(_ node: OperatorNode) throws(LTError) {
        axis = try node.node.int("axis") ?? 0
        keepdims = try node.node.int("keepdims") ?? 1 != 0
        selectsLast = node.opset >= 12 ? try node.node.int("select_last_index") ?? 0 != 0 : false
    }
}

/// The position of an extreme along an axis.
protocol ArgOperator: NumberOperator {
    var settings: ArgSettings { get }
    func precedes<T: Number>(_ a: T, _ b: T) -> Bool
}

extension ArgOperator {
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        guard var dims = try Self.first(inputs).dims else { return [Facts(.int64, nil)] }
        let axis = try position(settings.axis, rank: dims.count)
        guard dims[axis] != 0 else {
            throw LTError(.shapeMismatch, "axis \(axis) of \(dims.text) is empty, expected at least one element")
        }
        if settings.keepdims { dims[axis] = 1 } else { dims.remove(at: axis) }
        return [Facts(.int64, dims)]
    }

    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        let axis = try position(settings.axis, rank: x.shape.rank)
        let (source, target) = (x.elements(T.self), outputs[0].elements(Int64.self))
        let lines = Lines(x.dims, axis: axis)
        for line in 0..<lines.count {
            let start = lines.start(line)
            var best = 0
            for index in 1..<max(lines.length, 1) {
                let (value, champion) = (source[start + index * lines.stride], source[start + best * lines.stride])
                if precedes(value, champion) || (settings.selectsLast && !precedes(champion, value)) { best = index }
            }
            target[line] = Int64(best)
        }
    }
}

/// The lines of a row-major tensor along one axis (or a run of axes from `axis` on, flattened): line k starts at
/// `start(k)`, its elements are `stride` apart. Lines are numbered row-major over the other axes.
struct Lines {
    let count: Int
    let length: Int
    let stride: Int

    init(_ dims: [Int], axis: Int) {
        length = dims[axis]
        stride = dims[(axis + 1)...].reduce(1, *)
        count = dims[..<axis].reduce(1, *) * stride
    }

    init(_ dims: [Int], flattenedFrom axis: Int) {
        length = dims[axis...].reduce(1, *)
        stride = 1
        count = dims[..<axis].reduce(1, *)
    }

    func start(_ line: Int) -> Int { line / stride * stride * length + line % stride }

    /// Where the elements of a line lie.
    func places(_ line: Int) -> StrideTo<Int> {
        let start = start(line)
        return Swift.stride(from: start, to: start + length * stride, by: stride)
    }
}

/// Softmax, LogSoftmax and Hardmax: what becomes of each line of an axis.
protocol SoftmaxFamily: RealOperator {
    var axis: Int { get }
    /// Before opset 13: all axes from `axis` on as one.
    var flattens: Bool { get }
    /// Transforms the line of elements at `places`.
    func transform<T: Real>(
        _ x: UnsafeMutableBufferPointer<T>, into y: UnsafeMutableBufferPointer<T>, at places: StrideTo<Int>)
}

extension SoftmaxFamily {
    static func axis(_ node: OperatorNode) throws(LTError) -> (Int, Bool) {
        (try node.node.int("axis") ?? (node.opset < 13 ? 1 : -1), node.opset < 13)
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        if let rank = x.dims?.count { _ = try place(rank) }
        return [Facts(x.type, x.dims)]
    }

    /// The axis within `rank`; flattening takes the rank itself too (lines of one element), and a scalar is one element.
    private func place(_ rank: Int) throws(LTError) -> Int {
        if flattens && axis == rank || rank == 0 && (-1...0).contains(axis) { return rank }
        return try position(axis, rank: rank)
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let axis = try place(x.shape.rank)
        let isFlat = flattens || axis == x.shape.rank
        let lines = isFlat ? Lines(x.dims, flattenedFrom: axis) : Lines(x.dims, axis: axis)
        for line in 0..<lines.count { transform(source, into: target, at: lines.places(line)) }
    }
}

/// e^x / Σ e^x of one line, or its logarithm, shifted by the maximum so that nothing overflows.
func softmax<T: Real>(
    _ x: UnsafeMutableBufferPointer<T>, into y: UnsafeMutableBufferPointer<T>, at places: StrideTo<Int>, isLog: Bool
) {
    let largest = places.reduce(-T.infinity) { Swift.max($0, x[$1]) }
    // A line of -inf alone has no distribution: NaN, as the formula gives.
    let total = places.reduce(0.0) { $0 + Double((x[$1] - largest).exponential) }
    for place in places {
        let shifted = Double(x[place] - largest)
        y[place] = T(isLog ? shifted - total.logarithm : shifted.exponential / total)
    }
}
