// Scattering: a copy of a tensor in which runs of elements are replaced by updates or combined with them, in order: of two
// updates at one place the later one stays, or both count.

import LTCore

/// How an update meets what is there; bools add up to "or" and multiply to "and".
enum ScatterReduction: String, Sendable {
    case none, add, mul, max, min

    /// The attribute: new in opset 16, max and min in 18.
    init(_ node: OperatorNode) throws(LTError) {
        let name = node.opset < 16 ? "none" : try node.node.string("reduction") ?? "none"
        guard let reduction = Self(rawValue: name), node.opset >= 18 || ![.max, .min].contains(reduction) else {
            let names = node.opset < 18 ? "none, add or mul" : "none, add, mul, max or min"
            throw LTError(.invalidArgument, "attribute 'reduction' is '\(name)', expected \(names)")
        }
        self = reduction
    }
}

extension Tensor {
    /// The copy; run k of `updates` (`length` elements each) goes to the elements from `starts[k]` on, all within this.
    func scattering(
        _ updates: Tensor, at starts: some Sequence<Int>, length: Int = 1, _ reduction: ScatterReduction = .none
    ) throws(LTError) -> Tensor {
        guard reduction == .none else { return try combining(updates, starts, length, reduction) }
        if type == .string {
            var result = strings
            var source = 0
            for start in starts {
                for place in start..<start + length {
                    result[place] = updates.strings[source]
                    source += 1
                }
            }
            return try Tensor(strings: result, dims)
        }
        if type.bits < 8 {
            let moved = try unpacked().scattering(try updates.unpacked(), at: starts, length: length)
            return try moved.packed(as: type)
        }
        let result = try copied()
        let run = length * type.bits / 8
        var source = UnsafeRawPointer(updates.rawPointer)
        for start in starts {
            (result.rawPointer + start * type.bits / 8).copyMemory(from: source, byteCount: run)
            source += run
        }
        return result
    }

    /// ScatterElements where indices cover all lines along the axis.
    fileprivate func scatteringLines(_ updates: Tensor, at indices: Tensor, axis: Int) throws(LTError) -> Tensor {
        let result = try copied()
        let (size, count) = (dims[axis], indices.dims[axis])
        let inner = dims[(axis + 1)...].reduce(1, *)
        func scatter<Word, Index: FixedWidthInteger>(_: Word.Type, _: Index.Type) throws(LTError) {
            let target = result.rawPointer.assumingMemoryBound(to: Word.self)
            let values = updates.rawPointer.assumingMemoryBound(to: Word.self)
            let places = indices.rawPointer.assumingMemoryBound(to: Index.self)
            for line in 0..<(inner == 0 ? 0 : indices.count / inner) {
                let start = line / count * size
                for column in 0..<inner {
                    let source = line * inner + column
                    let place = try Int(places[source]).checkedIndex(size: size)
                    target[(start + place) * inner + column] = values[source]
                }
            }
        }
        func scatter<Word>(_ word: Word.Type) throws(LTError) {
            indices.type == .int32 ? try scatter(word, Int32.self) : try scatter(word, Int64.self)
        }
        switch type.bits {
        case 8: try scatter(UInt8.self)
        case 16: try scatter(UInt16.self)
        case 32: try scatter(UInt32.self)
        case 64: try scatter(UInt64.self)
        default: try scatter((UInt64, UInt64).self)
        }
        return result
    }

    private func combining(
        _ updates: Tensor, _ starts: some Sequence<Int>, _ length: Int, _ reduction: ScatterReduction
    ) throws(LTError) -> Tensor {
        if type.isHalf {
            let (data, wide) = (try cast(to: .float32), try updates.cast(to: .float32))
            return try data.scattering(wide, at: starts, length: length, reduction).cast(to: type)
        }
        if type == .bool {
            let flags = try unsigned.scattering(
                updates.unsigned, at: starts, length: length, [.add, .max].contains(reduction) ? .max : .min)
            return Tensor(.bool, shape, buffer: flags.buffer)
        }
        let result = try copied()
        func combine<T: Number>(_: T.Type) {
            func each(_ formula: (T, T) -> T) {
                let (target, values) = (result.elements(T.self), updates.elements(T.self))
                var source = 0
                for start in starts {
                    for place in start..<start + length {
                        target[place] = formula(target[place], values[source])
                        source += 1
                    }
                }
            }
            switch reduction {
            case .none: break
            case .add: each { $0.plus($1) }
            case .mul: each { $0.times($1) }
            case .max: each { $0.maximum($1) }
            case .min: each { $0.minimum($1) }
            }
        }
        switch type {
        case .float32: combine(Float.self)
        case .float64: combine(Double.self)
        case .int8: combine(Int8.self)
        case .int16: combine(Int16.self)
        case .int32: combine(Int32.self)
        case .int64: combine(Int64.self)
        case .uint8: combine(UInt8.self)
        case .uint16: combine(UInt16.self)
        case .uint32: combine(UInt32.self)
        case .uint64: combine(UInt64.self)
        default: throw LTError(.unsupported, "reduction \(reduction) of tensor(\(type.onnxName)), expected numbers")
        }
        return result
    }

    /// A copy of its own, for who writes some of the elements; not of strings.
    private func copied() throws(LTError) -> Tensor {
        let result = try Tensor.output(type, shape)
        result.rawPointer.copyMemory(from: rawPointer, byteCount: byteCount)
        return result
    }

    /// Where the index tuples on the last axis of `indices` point to: the first of the elements that each selects, when
    /// tuples are coordinates on the axes after the `batchDims` common ones.
    func starts(of indices: Tensor, batchDims: Int = 0) throws(LTError) -> [Int] {
        let places = try indices.integers("indices")
        let depth = indices.dims[indices.shape.rank - 1]
        let batches = dims[..<batchDims].reduce(1, *)
        guard places.count > 0, batches > 0 else { return [] }
        let (axes, strides) = (Array(dims[batchDims...]), Array(shape.strides[batchDims...]))
        let tuples = places.count / depth
        let batchStride = axes.reduce(1, *)
        var starts: [Int] = []
        starts.reserveCapacity(tuples)
        for tuple in 0..<tuples {
            var start = tuple / (tuples / batches) * batchStride
            for axis in 0..<depth {
                start += try places[tuple * depth + axis].checkedIndex(size: axes[axis]) * strides[axis]
            }
            starts.append(start)
        }
        return starts
    }
}

extension Facts {
    /// Checks indices with one index per element of the result (GatherElements, ScatterElements) against this data: as
    /// many axes, and no longer ones except along `axis`.
    func check(elementIndices indices: Facts, axis: Int) throws(LTError) {
        guard let dims = try dims("data", ranks: 1...Int.max) else { return }
        let axis = try position(axis, rank: dims.count)
        guard let places = try indices.dims("indices", ranks: dims.count...dims.count) else { return }
        for other in dims.indices where other != axis {
            if let size = dims[other], let wanted = places[other], wanted > size {
                throw LTError(.shapeMismatch, "indices \(places.text) reach past data \(dims.text) on axis \(other)")
            }
        }
    }
}

/// ScatterElements and its predecessor Scatter.
protocol ElementScatterOperator: Operator {
    var axis: Int { get }
    var reduction: ScatterReduction { get }
}

extension ElementScatterOperator {
    /// data, indices, updates (the shape of indices) → output (the shape of data).
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let data = try Self.first(inputs)
        let indices = try inputs.required(1, .indices)
        let updates = try inputs.required(2, [data.type])
        try data.check(elementIndices: indices, axis: axis)
        if let places = indices.dims, let dims = updates.dims {
            guard places.count == dims.count, zip(places, dims).allSatisfy(agree) else {
                throw LTError(
                    .shapeMismatch, "updates have shape \(dims.text), indices \(places.text), expected one shape")
            }
        }
        return [Facts(data.type, data.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try outline(inputs)
        let (data, indices) = (inputs[0]!, inputs[1]!)
        let axis = try position(axis, rank: data.shape.rank)
        if reduction == .none, data.type.bits >= 8, data.type != .string,
            data.dims.indices.allSatisfy({ $0 == axis || indices.dims[$0] == data.dims[$0] })
        {
            return [try data.scatteringLines(inputs[2]!, at: indices, axis: axis)]
        }
        let places = try indices.integers("indices").checked(size: data.dims[axis])
        var strides = data.shape.strides
        let step = strides[axis]
        strides[axis] = 0
        let starts = zip(StridedIndices(indices.dims, strides), places).lazy.map { $0 + $1 * step }
        return [try data.scattering(inputs[2]!, at: starts, reduction)]
    }
}

/// An operator that can write its result over its first input.
protocol OverwritingOperator: Operator {
    /// - Parameter first: memory that nobody else reads any more.
    func run(overwriting first: Tensor, _ others: [Tensor?]) throws(LTError) -> [Tensor]
}
